/** The server's queue for kernels, which is used while all kernels are in use. */

import { parseObject } from "./json";

/** The place of a request in the queue. */
export interface QueuePlace {
  /** The position, from 1. */
  readonly position: number;
  /** The server's estimate of the wait in seconds; null if it gives none. */
  readonly seconds: number | null;
}

/** The media type of a response with one line of JSON per change; the last line is the answer. */
export const LINES = "application/x-ndjson";

/** The place in a line; null for any other line. */
export function queuePlace(line: string): QueuePlace | null {
  const queued = parseObject(line)?.["queued"];
  if (typeof queued !== "object" || queued === null || Array.isArray(queued)) return null;
  const { position, seconds } = queued;
  if (typeof position !== "number") return null;
  return { position, seconds: typeof seconds === "number" ? seconds : null };
}

/**
 * The text of the answer in a response, alone or after lines about the queue.
 *
 * `onQueued` is called for each of these as it arrives. Rejects when the connection is lost.
 */
export async function answerOf(
  response: Response,
  onQueued: (place: QueuePlace) => void,
): Promise<string> {
  if (response.body === null || response.headers.get("Content-Type") !== LINES) {
    return response.text();
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let answer = "";
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return answer || rest;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const place = queuePlace(line);
      if (place === null) answer = line;
      else onQueued(place);
    }
  }
}
