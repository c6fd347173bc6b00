import { beforeEach, describe, expect, test } from "vitest";

import { settled } from "../fakes";
import { all, drags, enters } from "./fakes";
import { BOX, BUTTON, SLIDER, block, cell, host, names, range, show, useStage } from "./stage";

useStage();

const isDirty = (name: string) => cell(name).classList.contains("sagecell_dirtyControl");

// contract: 4.1, 8
test("the layout places controls with their labels, and the output", () => {
  show(
    { n: SLIDER, m: BOX },
    {
      layout: [
        [["_output", 1]],
        [
          ["m", 0.25],
          ["n", 0.75],
        ],
        [["_bookmarks", 1]],
      ],
    },
  );
  expect(block.element.className).toBe("sagecell_interactContainer");
  const rows = all<HTMLElement>(".sagecell_interactRow");
  expect(rows.map((row) => row.childElementCount)).toEqual([1, 2, 1]);
  expect(rows[0]!.querySelector(".sagecell_interactOutput")!.firstChild).toBe(host.output);
  expect(names()).toEqual(["m", "n"]);
  expect(cell("m").style.getPropertyValue("--share")).toBe("0.25");
  expect(cell("n").querySelector(".sagecell_interactControlLabel")!.textContent).toBe("n");
  expect(rows[2]!.querySelector(".sagecell_bookmarks")).not.toBeNull();
});

test("a label names its control, a group's too, and a formula in it is typeset", () => {
  show({
    n: { ...SLIDER, label: "$n$" },
    r: { ...SLIDER, subtype: "continuous_range", label: "<b>both</b>" },
    hidden: { ...BOX, label: "" },
  });
  const label = cell("n").querySelector("label")!;
  expect(label.control).toBe(range());
  expect(label.querySelector<HTMLElement>("span")!.dataset["typeset"]).toBe("yes");
  const group = cell("r").querySelector("[role=group]")!;
  const name = document.getElementById(group.getAttribute("aria-labelledby")!)!;
  expect(name.textContent).toBe("both");
  expect(cell("r").querySelector("input")!.getAttribute("aria-label")).toBe("both, from");
  expect(cell("hidden").querySelector("input")!.getAttribute("aria-label")).toBe("hidden");
  expect(cell("hidden").querySelector("label")!.hidden).toBe(true);
});

test("parts may be elsewhere on the page, and are removed with the interact", () => {
  document.body.innerHTML = "<div id=here></div><div id=there></div>";
  show(
    { n: SLIDER, m: BOX },
    { locations: { n: "#here", _output: "#there", m: "#nowhere", constructor: "#here" } },
  );
  expect(names(document.getElementById("here")!)).toEqual(["n"]);
  expect(document.getElementById("there")!.contains(host.output)).toBe(true);
  expect(names(block.element)).toEqual(["m"]);
  block.dispose();
  expect(document.getElementById("here")!.childElementCount).toBe(0);
  expect(document.getElementById("there")!.childElementCount).toBe(0);
});

test("a layout without output has no element for it", () => {
  show({ n: SLIDER }, { layout: [[["n", 1]]] });
  expect(all(".sagecell_interactOutput")).toEqual([]);
});

// contract: 4.2
test("a change is sent at once, alone", async () => {
  show({ n: SLIDER, m: BOX });
  expect(host.sent).toEqual([]);
  drags(range(), "4.5");
  expect(host.sent).toEqual([{ n: 4.5 }]);
  await host.answers();
  enters(cell("m").querySelector("input")!, "b");
  expect(host.sent).toEqual([{ n: 4.5 }, { m: "b" }]);
});

test("a slider that is dragged fast has one run at a time, and then the last value", async () => {
  show({ n: SLIDER });
  let most = 0;
  for (let step = 0; step < 600; step += 1) {
    drags(range(), String(step % 20 === 19 ? 7 : (step % 20) / 2));
    most = Math.max(most, host.open);
    if (step % 50 === 49) await host.answers();
  }
  expect(most).toBe(1);
  drags(range(), "9");
  while (host.open > 0) await host.answers();
  expect(host.sent.at(-1)).toEqual({ n: 9 });
  expect(host.sent.length).toBeLessThanOrEqual(14);
});

test("changes of several controls wait together", async () => {
  show({ n: SLIDER, m: BOX, k: SLIDER });
  drags(range(0), "2");
  drags(range(0), "3");
  enters(cell("m").querySelector("input")!, "b");
  drags(range(1), "4");
  drags(range(1), "5");
  await host.answers();
  expect(host.sent).toEqual([{ n: 2 }, { n: 3, m: "b", k: 5 }]);
});

describe("with an Update button", () => {
  beforeEach(() =>
    show({
      n: { ...SLIDER, update: false },
      m: { ...BOX, update: false },
      auto_update: BUTTON,
    }),
  );
  const press = () => cell("auto_update").querySelector("button")!.click();

  // contract: 4.7
  test("changes are marked until they are sent with it", async () => {
    drags(range(), "4");
    drags(range(), "5");
    expect(host.sent).toEqual([]);
    expect([isDirty("n"), isDirty("m")]).toEqual([true, false]);
    press();
    expect(host.sent).toEqual([{ n: 5, auto_update: true }]);
    expect(isDirty("n")).toBe(true);
    block.cleared(["n"]);
    expect(isDirty("n")).toBe(false);
    await host.answers();
    press();
    expect(host.sent[1]).toEqual({ auto_update: true });
  });

  test("a control that changed after sending stays marked", async () => {
    drags(range(), "4");
    press();
    drags(range(), "6");
    block.cleared(null);
    await host.answers();
    expect(isDirty("n")).toBe(true);
    press();
    expect(host.sent.at(-1)).toEqual({ n: 6, auto_update: true });
  });

  test("the button itself is never marked", () => {
    press();
    expect(isDirty("auto_update")).toBe(false);
  });
});

test("marks are removed at the end of the run at the latest", async () => {
  show({ n: SLIDER });
  drags(range(), "4");
  expect(isDirty("n")).toBe(true);
  await host.answers({ status: "error", ename: "ValueError", evalue: "by the program" });
  expect(isDirty("n")).toBe(false);
  expect(all(".sagecell_interactNote")[0]!.hidden).toBe(true);
});

test("screen readers say that the output is new, once it has the last value", async () => {
  show({ n: SLIDER });
  const spoken = all(".sagecell_spoken[role=status]")[0]!;
  expect(spoken.textContent).toBe("");
  drags(range(), "4");
  drags(range(), "5");
  await host.answers();
  expect(spoken.textContent).toBe("");
  await host.answers();
  expect(spoken.textContent).toBe("Output updated");
  drags(range(), "6");
  expect(spoken.textContent).toBe("");
  await host.answers({ status: "error", ename: "invalid_value", evalue: "n is out of range." });
  expect(spoken.textContent).toBe("");
});

test("a refusal without output is shown until the next successful update", async () => {
  show({ n: SLIDER });
  drags(range(), "4");
  await host.answers({ status: "error", ename: "invalid_value", evalue: "n is out of range." });
  const note = all<HTMLElement>("[role=status]")[0]!;
  expect(note.textContent).toBe("n is out of range.");
  drags(range(), "5");
  await host.answers();
  expect(note.hidden).toBe(true);
});

test("after the kernel's end, the controls are shown but disabled", async () => {
  show({ n: SLIDER, m: BOX, b: BUTTON });
  drags(range(), "4");
  drags(range(), "5");
  await host.dies();
  expect(block.element.getAttribute("aria-disabled")).toBe("true");
  expect(range().disabled).toBe(true);
  drags(range(), "6");
  block.end();
  await settled();
  expect(host.sent).toEqual([{ n: 4 }]);
  expect(all("[role=status]")[0]!.textContent).toContain("Evaluate the cell again");
});

test("controls at rest look as before, say so, and send all of their values at the next change", async () => {
  show({ n: SLIDER, m: BOX, go: BUTTON });
  block.rest();
  expect(block.element.classList.contains("sagecell_interactEnded")).toBe(false);
  expect(block.element.querySelector(".sagecell_interactNote")!.textContent).toContain("resting");
  expect([isDirty("n"), isDirty("m"), host.sent]).toEqual([false, false, []]);
  drags(range(), "3");
  expect(host.sent).toEqual([{ n: 3, m: "a" }]);
  await host.answers();
  expect(block.element.querySelector<HTMLElement>(".sagecell_interactNote")!.hidden).toBe(true);
  drags(range(), "4");
  expect(host.sent.at(-1)).toEqual({ n: 4 });
  block.end();
  block.rest();
  expect(block.element.classList.contains("sagecell_interactEnded")).toBe(true);
});

test("read-only controls cannot be changed", () => {
  show({ n: SLIDER, m: BOX, b: BUTTON }, { readonly: true });
  expect(range().disabled).toBe(true);
  expect(cell("m").querySelector("input")!.readOnly).toBe(true);
  expect(cell("b").querySelector("button")!.disabled).toBe(true);
  expect(all<HTMLButtonElement>(".sagecell_bookmarkKeep")[0]!.disabled).toBe(true);
});
