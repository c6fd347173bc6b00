import { expect, onTestFinished, test } from "vitest";

import { buffersOf, encodeBuffers, postedBuffers } from "../../../src/protocol/widgets/buffers";

test("a browser that decodes base64 itself does, and what is none is found", () => {
  const own = (text: string) => {
    if (text === "%%") throw new SyntaxError();
    return Uint8Array.of(text.length);
  };
  Object.assign(Uint8Array, { fromBase64: own });
  onTestFinished(() => void Reflect.deleteProperty(Uint8Array, "fromBase64"));
  expect(buffersOf({ buffers: ["AAEC"] }).map((each) => new Uint8Array(each)[0])).toEqual([4]);
  expect(buffersOf({ buffers: ["AAEC", "%%"] })).toEqual([]);
});

test("buffers survive as base64, also long ones", () => {
  const long = Uint8Array.from({ length: 200_001 }, (_, index) => index % 256).buffer;
  const texts = encodeBuffers([long, new ArrayBuffer(0)]);
  const [first, second] = buffersOf({ buffers: texts });
  expect(new Uint8Array(first!)).toEqual(new Uint8Array(long));
  expect(second!.byteLength).toBe(0);
});

test.each([[undefined], [7], [["AAEC", 7]], [["AAEC", "%%"]]])("%j are no buffers", (buffers) => {
  expect(buffersOf(buffers === undefined ? {} : { buffers })).toEqual([]);
});

test("what a frame posts as buffers are bytes alone, and not too many", () => {
  const bytes = new ArrayBuffer(2);
  expect(postedBuffers([bytes])).toEqual([bytes]);
  expect(postedBuffers(undefined)).toBeNull();
  expect(postedBuffers([new Uint8Array(2)])).toBeNull();
  expect(postedBuffers(Array.from({ length: 1025 }, () => bytes))).toBeNull();
});
