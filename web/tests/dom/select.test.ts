import jQuery from "jquery";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { select } from "../../src/dom/select";

const page = window as { jQuery?: unknown };
let before: unknown;

beforeEach(() => {
  before = page.jQuery;
  document.body.innerHTML =
    "<div id=67490a1b2c3d4 class=2col><p class=c id=-5a>1</p><p class=c data-n='v1.5'>2</p></div>";
});
afterEach(() => {
  page.jQuery = before;
  document.body.replaceChildren();
});

const texts = (selector: string) => select(selector).map(({ textContent }) => textContent);

// contract: 7.1
describe.each([
  ["with jQuery", jQuery],
  ["without jQuery", undefined],
])("%s", (_name, library) => {
  beforeEach(() => (page.jQuery = library));

  test.each([
    ["#67490a1b2c3d4", ["12"]],
    [".2col", ["12"]],
    ["div#67490a1b2c3d4 > .c", ["1", "2"]],
    ["#-5a, .2col", ["12", "1"]],
    [" .c ", ["1", "2"]],
    [".nowhere", []],
    ["][", []],
    ["", []],
    ["<b onclick=x>", []],
  ])("%j", (selector, found) => {
    expect(texts(selector).sort()).toEqual([...found].sort());
  });
});

// contract: 7.1
test.each([
  [".c:first", ["1"]],
  [".c:eq(1)", ["2"]],
  [".c[data-n!='v1.5']", ["1"]],
  [".c:gt(0)", ["2"]],
  ["#67490a1b2c3d4 [data-n='v1.5']", ["2"]],
])("jQuery's own selector %j", (selector, found) => {
  page.jQuery = jQuery;
  expect(texts(selector)).toEqual(found);
});

test("a jQuery that is none does not matter", () => {
  page.jQuery = () => undefined;
  expect(texts("#67490a1b2c3d4")).toEqual(["12"]);
});
