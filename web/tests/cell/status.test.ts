import { expect, test } from "vitest";

import { StatusLine, describe as words, duration, ordinal } from "../../src/cell/status";
import { type State } from "../../src/kernel/execution";
import { FakeClock } from "../fakes";

function failed(how: { readonly exitStatus?: number; readonly fault?: string }): State {
  return { name: "failed", seconds: 2.04, exitStatus: null, fault: "", ...how };
}

test.each<[State | null, string]>([
  [null, "Shift-Enter evaluates"],
  [{ name: "starting" }, "Starting…"],
  [{ name: "waiting", position: 3, seconds: 12 }, "Waiting: 3rd in line, about 12 s"],
  [{ name: "waiting", position: 1, seconds: 4 }, "Waiting: 1st in line, about 4 s"],
  [{ name: "waiting", position: 2, seconds: 90 }, "Waiting: 2nd in line, about 1 min 30 s"],
  [{ name: "waiting", position: 12, seconds: null }, "Waiting: 12th in line"],
  [{ name: "away", message: "It cannot be reached." }, "It cannot be reached. Trying again…"],
  [{ name: "running", since: 0 }, "Running…"],
  [{ name: "stopping" }, "Stopping…"],
  [{ name: "done", seconds: 0.4217 }, "Done in 0.42 s"],
  [failed({}), "Ended with an error after 2.0 s"],
  [failed({ exitStatus: 3, fault: "SystemExit: 3" }), "Ended with exit status 3 after 2.0 s"],
  [failed({ fault: "NameError: x" }), "Ended with NameError: x (after 2.0 s)"],
  [{ name: "stopped", seconds: 75 }, "Stopped after 1 min 15 s"],
  [{ name: "ended", reason: "cpu", message: "No time left." }, "Ended: No time left."],
  [{ name: "refused", message: "Too many." }, "Not started: Too many."],
  [{ name: "reconnecting" }, "Connection lost. Reconnecting…"],
  [{ name: "lost", message: "" }, "Connection lost. The program has ended with it."],
  [{ name: "lost", message: "Too slow." }, "Connection lost. Too slow."],
])("%j reads as %j", (state, sentence) => {
  expect(words(state)).toBe(sentence);
});

test("positions are ordinals", () => {
  const places = [1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 101, 111, 112, 123];
  expect(places.map(ordinal).join(" ")).toBe(
    "1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 23rd 101st 111th 112th 123rd",
  );
});

test.each([
  [0, "0.00 s"],
  [0.999, "1.00 s"],
  [9.96, "10.0 s"],
  [10.4, "10 s"],
  [59.6, "1 min 0 s"],
  [3600, "60 min 0 s"],
])("%d seconds read as %j", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("the seconds are outside the live region, and stop with the program", () => {
  const clock = new FakeClock();
  const line = new StatusLine(clock);
  line.show({ name: "running", since: clock.now() });
  clock.advance(3.2);
  expect(line.element.textContent).toBe("Running… 3 s");
  expect(line.element.querySelector("[role=status]")?.textContent).toBe("Running…");
  expect(line.element.querySelector("[aria-live=polite]")?.textContent).toBe("Running…");
  line.show({ name: "done", seconds: 3.2 });
  expect(line.element.textContent).toBe("Done in 3.2 s");
  expect(clock.pending).toBe(0);
});

test("a failed interact is said beside the state, and withdrawn", () => {
  const line = new StatusLine(new FakeClock());
  line.show({ name: "done", seconds: 3.2 });
  line.showInteract(true);
  const regions = Array.from(line.element.querySelectorAll("[role=status]"), (e) => e.textContent);
  expect(regions).toEqual(["Done in 3.2 s", "", "Its interact failed.", ""]);
  line.showInteract(false);
  expect(line.element.textContent).toBe("Done in 3.2 s");
});

test("the state's name is an attribute for style sheets and tests", () => {
  const line = new StatusLine(new FakeClock());
  expect(line.element.dataset["state"]).toBe("idle");
  line.show({ name: "starting" });
  expect(line.element.dataset["state"]).toBe("starting");
});

test("a warning is a second announcement, until it is withdrawn", () => {
  const line = new StatusLine(new FakeClock());
  line.show({ name: "running", since: 1000 });
  const [words, warning] = line.element.querySelectorAll("[role=status][aria-live=polite]");
  expect(warning?.textContent).toBe("");
  line.warn("In 60 seconds it is over.");
  expect(warning?.textContent).toBe("In 60 seconds it is over.");
  expect(words?.textContent).toBe("Running…");
  line.warn("");
  expect(line.element.textContent).toBe("Running…");
});

test("no seconds are counted after the end", () => {
  const clock = new FakeClock();
  const line = new StatusLine(clock);
  line.show({ name: "running", since: clock.now() });
  line.dispose();
  line.dispose();
  expect(clock.pending).toBe(0);
});

test("a question is announced by its last line, until it is answered", () => {
  const line = new StatusLine(new FakeClock());
  const region = line.element.querySelector(".sagecell_asks")!;
  expect(region.getAttribute("aria-live")).toBe("polite");
  line.ask("1 add\n2 remove\nWhich?");
  expect(region.textContent).toBe("Asks: Which?");
  line.ask("x".repeat(1000));
  expect(region.textContent).toHaveLength("Asks: ".length + 101);
  line.ask(null);
  expect(region.textContent).toBe("");
});
