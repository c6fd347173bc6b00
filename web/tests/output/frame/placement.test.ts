import { expect, test } from "vitest";

import { firstForScripts, needsFrame, staysInPage } from "../../../src/output/frame/placement";
import { type Showing, harmless } from "../../../src/output/policy";
import type { DisplayItem, Item } from "../../../src/output/text/transcript";
import type { MimeBundle } from "../../../src/protocol/messages";

const item = (data: MimeBundle): DisplayItem => ({
  kind: "display",
  displayId: "",
  data,
  metadata: {},
});
const SCRIPT = item({ "text/html": "<script>1</script>" });
const NAMED = item({ "text/html": '<b id="x">named</b>' });
const PLAIN = item({ "text/html": "<b>plain</b>" });
const WIDGET = item({ "application/vnd.jupyter.widget-view+json": { model_id: "m" } });
const FILE_FRAME = item({ "text/html": '<iframe src="cell://a.html"></iframe>' });
const ERROR: Item = { kind: "error", traceback: "" };

/** What a page shows that has a frame, which is never made here. */
function showing(framed: Showing["framed"]): Showing {
  const frame = () => {
    throw new Error("no frame is made");
  };
  return { ...harmless({ fileAddress: () => null, frame }), framed };
}

test("scripts and widgets need the frame; where scripts are the page's, widgets alone", () => {
  const needing = (framed: Showing["framed"]) =>
    [SCRIPT, NAMED, PLAIN, WIDGET, ERROR].map((each) => needsFrame(each, showing(framed)));
  expect(needing("scripts")).toEqual([true, false, false, true, false]);
  expect(needing("widgets")).toEqual([false, false, false, true, false]);
  expect(needsFrame(WIDGET, harmless({ fileAddress: () => null }))).toBe(false);
});

test("what the frame would not allow stays in the page, and what the page's own scripts run or look for", () => {
  const staying = (framed: Showing["framed"]) =>
    [FILE_FRAME, SCRIPT, NAMED, PLAIN, WIDGET, ERROR].map((each) =>
      staysInPage(each, showing(framed)),
    );
  expect(staying("scripts")).toEqual([true, false, false, false, false, false]);
  expect(staying("widgets")).toEqual([true, true, true, false, false, false]);
});

test("the frame begins with the first item that its scripts may look for", () => {
  const items = [ERROR, FILE_FRAME, NAMED, NAMED, SCRIPT];
  expect(firstForScripts(items, showing("scripts"))).toBe(2);
  expect(firstForScripts([ERROR, PLAIN], showing("scripts"))).toBe(Infinity);
  expect(firstForScripts(items, showing("widgets"))).toBe(Infinity);
});
