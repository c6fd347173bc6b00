/** Where a request for a kernel stands while all of the server's kernels are in use. */

import { parseObject } from "./json";

export interface QueuePlace {
  /** From 1 up. */
  readonly position: number;
  /** The server's estimate of the wait; null when it has none. */
  readonly seconds: number | null;
}

/** Lines of JSON, one for each change; the last one is the answer. */
export const LINES = "application/x-ndjson";

/** The place that a line tells of; null for any other line. */
export function queuePlace(line: string): QueuePlace | null {
  const queued = parseObject(line)?.["queued"];
  if (typeof queued !== "object" || queued === null || Array.isArray(queued)) return null;
  const { position, seconds } = queued;
  if (typeof position !== "number") return null;
  return { position, seconds: typeof seconds === "number" ? seconds : null };
}

/** The answer in a response, be it alone or after lines about the queue. */
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
