/** Buffers of messages: bytes that travel beside their JSON, as base64 in text. */

import type { Json, JsonObject } from "../json";

/** Buffers in one message; the server takes as many. */
const MOST = 1024;

/** Bytes that are encoded in one call: engines limit the arguments of a call. */
const SLICE = 0x8000;

/** The buffers of a message; none if one is malformed, since they are found by their index. */
export function buffersOf(message: JsonObject): ArrayBuffer[] {
  const { buffers } = message;
  if (!Array.isArray(buffers)) return [];
  const decoded = buffers.map(decoded64);
  return decoded.every((buffer) => buffer !== null) ? decoded : [];
}

/** Buffers as the texts that a message has. */
export function encodeBuffers(buffers: readonly ArrayBuffer[]): string[] {
  return buffers.map((buffer) => {
    const bytes = new Uint8Array(buffer);
    let text = "";
    for (let at = 0; at < bytes.length; at += SLICE) {
      text += String.fromCharCode(...bytes.subarray(at, at + SLICE));
    }
    return btoa(text);
  });
}

/** The bytes that a comm's data and buffers take in a message: their JSON, and base64. */
export function byteLength(sent: {
  readonly data: JsonObject;
  readonly buffers: readonly ArrayBuffer[];
}): number {
  const bytes = sent.buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
  const json = new TextEncoder().encode(JSON.stringify(sent.data));
  return json.byteLength + Math.ceil((bytes * 4) / 3);
}

/** Whether these are more buffers than one message may have. */
export function areTooMany(buffers: readonly unknown[]): boolean {
  return buffers.length > MOST;
}

/** The buffers that came by `postMessage`; null unless all are copies of bytes. */
export function postedBuffers(value: unknown): ArrayBuffer[] | null {
  if (!Array.isArray(value) || areTooMany(value)) return null;
  return value.every((item): item is ArrayBuffer => item instanceof ArrayBuffer) ? value : null;
}

/** What newer browsers have: a long picture in a loop of this page takes them a second. */
interface Native {
  readonly fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
}

function decoded64(text: Json): ArrayBuffer | null {
  if (typeof text !== "string") return null;
  const native = Uint8Array as Native;
  try {
    return (native.fromBase64?.(text) ?? bytesOf(atob(text))).buffer;
  } catch {
    return null; // It is not base64.
  }
}

/** The bytes whose numbers are those of the characters. */
function bytesOf(characters: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
