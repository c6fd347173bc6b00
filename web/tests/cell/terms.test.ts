import { afterEach, beforeEach, expect, test } from "vitest";

import { Terms } from "../../src/cell/terms";
import { settled } from "../fakes";

let kept: Map<string, string>;
let fetched: number;
let html: string | null;

function terms(isForbidden = false): Terms {
  return new Terms({
    fetch: async () => {
      fetched += 1;
      return html;
    },
    storage: () => {
      if (isForbidden) throw new DOMException("no", "SecurityError");
      return {
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => void kept.set(key, value),
      };
    },
  });
}

beforeEach(() => {
  kept = new Map();
  fetched = 0;
  html = "<p>Be <b>kind</b>.</p><script>bad()</script>";
  // jsdom does not implement `showModal` and `close`.
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
});
afterEach(() => document.body.replaceChildren());

const press = (name: string) =>
  document.querySelector<HTMLElement>(`dialog .sagecell_terms_${name}`)!.click();

// contract: 7.8
test("terms are shown once, and their acceptance is remembered", async () => {
  const asked = terms();
  expect(asked.areAccepted).toBe(false);
  const answers = [asked.ask(), asked.ask()];
  await settled();
  expect(document.querySelectorAll("dialog")).toHaveLength(1);
  expect(document.querySelector("dialog b")?.textContent).toBe("kind");
  expect(document.querySelector("dialog script")).toBeNull();
  expect(document.activeElement?.textContent).toBe("Be kind.");
  press("accept");
  expect(await Promise.all(answers)).toEqual([true, true]);
  expect(document.querySelector("dialog")).toBeNull();
  expect(kept.get("accepted_tos")).toBe("true");
  expect(terms().areAccepted).toBe(true);
  expect(fetched).toBe(1);
});

// contract: 7.8
test.each(["decline", "escape"])(
  "a visitor who does not accept (%s) may be asked again",
  async (how) => {
    const asked = terms();
    const answer = asked.ask();
    await settled();
    if (how === "decline") press("decline");
    else document.querySelector("dialog")!.dispatchEvent(new Event("close"));
    expect(await answer).toBe(false);
    expect(asked.areAccepted).toBe(false);
    expect(kept.size).toBe(0);
    void asked.ask();
    await settled();
    expect(document.querySelectorAll("dialog")).toHaveLength(1);
  },
);

test("without terms there is no dialog", async () => {
  html = null;
  expect(await terms().ask()).toBeNull();
  expect(document.querySelector("dialog")).toBeNull();
});

test("without storage, acceptance lasts until the page is unloaded", async () => {
  const asked = terms(true);
  expect(asked.areAccepted).toBe(false);
  const answer = asked.ask();
  await settled();
  press("accept");
  expect(await answer).toBe(true);
  expect(asked.areAccepted).toBe(true);
});
