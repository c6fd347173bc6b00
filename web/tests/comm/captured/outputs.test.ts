import { beforeEach, expect, test } from "vitest";

import { MOST_CAPTURED, WidgetOutputs } from "../../../src/comm/captured/outputs";
import type { Json, JsonObject } from "../../../src/protocol/messages";

let outputs: WidgetOutputs;
beforeEach(() => {
  outputs = new WidgetOutputs();
  outputs.open("a");
  outputs.open("b");
});

const text = (length: number) => ({
  output_type: "stream",
  name: "stdout",
  text: "x".repeat(length),
});
const display = (id: string, data: JsonObject = {}) => ({
  output_type: "display_data",
  data,
  metadata: {},
  transient: { display_id: id },
});
const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth)) as Json;
const MIB = 1_000_000;

test("all widgets have one bound; where it is reached, a sentence stands, once", () => {
  expect(outputs.add("a", text(20 * MIB))).toMatchObject(text(20 * MIB));
  expect(outputs.add("b", text(20 * MIB))).toMatchObject({
    name: "stderr",
    text: expect.stringContaining("more than 32 MB") as string,
  });
  expect(outputs.add("b", text(1))).toBeNull();
  expect(outputs.of("b")).toHaveLength(1);
  // Another goes on, and this one as well when it is cleared and there is room.
  expect(outputs.add("a", text(1))).toMatchObject(text(1));
  outputs.clear("b");
  expect(outputs.add("b", text(1))).toMatchObject(text(1));
  outputs.clear("a");
  outputs.clear("b");
  expect(outputs.add("b", text(20 * MIB))).toMatchObject(text(20 * MIB));
});

test("a closed widget leaves its room to others", () => {
  outputs.add("a", text(20 * MIB));
  outputs.close("a");
  outputs.close("a");
  expect(outputs.of("a")).toBeNull();
  expect(outputs.add("a", text(1))).toBeNull();
  expect(outputs.add("b", text(20 * MIB))).toMatchObject(text(20 * MIB));
});

test("what is too large or too deep is a sentence, and what follows is shown", () => {
  for (const value of [nested(1000), "x".repeat(MOST_CAPTURED)]) {
    expect(outputs.add("a", display("d", { "application/json": value }))).toMatchObject({
      text: expect.stringContaining("too large or too complex") as string,
    });
  }
  expect(outputs.add("a", text(1))).toMatchObject(text(1));
});

test("many small outputs take room, too", () => {
  let count = 0;
  while (outputs.add("a", display(""))?.["output_type"] === "display_data") count += 1;
  expect(count).toBeLessThan(150_000);
});

test("an update counts in each of its displays, and is a sentence if there is no room", () => {
  for (let index = 0; index < 50; index += 1) outputs.add(index % 2 ? "a" : "b", display("d"));
  const update = display("d", { "text/plain": "x".repeat(3 * MIB) });
  const cut = outputs.update(update);
  expect(cut?.ids).toEqual(["b", "a"]);
  expect(cut?.output).toMatchObject({
    data: { "text/plain": expect.stringContaining("more than 32 MB") as string },
    transient: { display_id: "d" },
  });
  expect(outputs.of("a")?.[0]).toMatchObject({ data: cut?.output["data"] });
  expect(outputs.size("a")).toBeLessThan(20_000);
  const small = display("d", { "text/plain": "1" });
  expect(outputs.update(small)).toEqual({ ids: ["b", "a"], output: small });
  outputs.clear("b");
  outputs.clear("a");
  expect(outputs.update(small)).toBeNull();
  expect(outputs.size("a")).toBe(0);
});

test("an update that is nested too deeply is a sentence", () => {
  outputs.add("a", display("d"));
  expect(outputs.update(display("d", { "application/json": nested(1000) }))).toMatchObject({
    output: { data: { "text/plain": expect.stringContaining("too complex") as string } },
  });
});

test("the first thousand displays of one id are updated", () => {
  for (let index = 0; index < 1001; index += 1) outputs.add("a", display("d"));
  outputs.update(display("d", { "text/plain": "1" }));
  const updated = (outputs.of("a") ?? []).filter(({ data }) => "text/plain" in (data as object));
  expect(updated).toHaveLength(1000);
});

test("ids are names like others", () => {
  outputs.open("__proto__");
  expect(outputs.add("__proto__", display("__proto__"))).not.toBeNull();
  expect(outputs.update(display("__proto__"))).toMatchObject({ ids: ["__proto__"] });
  expect(outputs.update(display("toString"))).toBeNull();
});
