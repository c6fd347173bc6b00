/** Fakes of the page's collaborators, controlled by the test. */

import { vi } from "vitest";

import { type Clock } from "../src/dom/clock";
import { type Channel, type ChannelEvents } from "../src/kernel/channel";
import { type Socket } from "../src/kernel/transport";
import { decodeMessage } from "../src/protocol/decode";
import { parseObject } from "../src/protocol/json";
import type { ClientMessage, JsonObject, KernelMessage } from "../src/protocol/messages";

/** A clock that only `advance` moves. */
export class FakeClock implements Clock {
  #now = 1000;
  #timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date("2026-01-02T03:04:05.678Z");
  }

  after(seconds: number, act: () => void): () => void {
    const timer = { at: this.#now + seconds, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  advance(seconds: number): void {
    const end = this.#now + seconds;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = due.at;
      due.act();
    }
    this.#now = end;
  }
}

/** A WebSocket with the test as the server. */
export class FakeSocket implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly sent: JsonObject[] = [];
  isClosed = false;

  constructor(readonly address: string) {}

  send(text: string): void {
    this.sent.push(parseObject(text)!);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.onopen?.(new Event("open"));
  }

  says(message: unknown): void {
    const data = typeof message === "string" ? message : JSON.stringify(message);
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  closes(code: number, reason = ""): void {
    this.onclose?.(new CloseEvent("close", { code, reason }));
  }
}

/** A channel with the test as the kernel. */
export class FakeChannel implements Channel {
  readonly sent: ClientMessage[] = [];
  isClosed = false;
  readonly #events: ChannelEvents;

  constructor(
    readonly address: string,
    events: ChannelEvents,
  ) {
    this.#events = events;
  }

  send(message: ClientMessage): void {
    this.sent.push(message);
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.#events.onOpen();
  }

  says(message: JsonObject): void {
    this.#events.onMessage(decodeMessage(message)!);
  }

  connection(state: "lost" | "restored"): void {
    this.#events.onConnection(state);
  }

  ends(reason = "", message = ""): void {
    this.#events.onEnd({ reason, message });
  }
}

/** A kernel's message in wire format, in response to the request `parent`. */
export function said(type: string, content: JsonObject, parent = ""): JsonObject {
  return {
    header: { msg_id: `${type}-1`, msg_type: type },
    msg_id: `${type}-1`,
    msg_type: type,
    parent_header: parent === "" ? {} : { msg_id: parent },
    metadata: {},
    content,
    channel: type.endsWith("_reply") ? "shell" : "iopub",
  };
}

/** The same message, decoded; with an id, as output of that interact. */
export function heard(
  type: string,
  content: JsonObject,
  parent = "",
  interactId = "",
): KernelMessage {
  const metadata = interactId === "" ? {} : { interact_id: interactId };
  return decodeMessage({ ...said(type, content, parent), metadata })!;
}

/** Animation frames under the test's control. */
export class FakeFrames {
  #waiting: (() => void)[] = [];

  readonly next = (act: () => void): void => {
    this.#waiting.push(act);
  };

  /** Draws frames until none is requested; returns their number. */
  draw(): number {
    let drawn = 0;
    for (; this.#waiting.length > 0; drawn += 1) {
      const acts = this.#waiting;
      this.#waiting = [];
      acts.forEach((act) => act());
    }
    return drawn;
  }
}

/** A source of ids: "id-1", "id-2", ... */
export function countingIds(): () => string {
  let count = 0;
  return () => `id-${(count += 1)}`;
}

/** Captures reports instead of the console: returns a list of [context, error] so far. */
export function reports(): () => unknown[][] {
  const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
  return () => said.mock.calls;
}

/** Fulfilled after the callbacks of all promises that are already settled. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

/** A `MessagePort` that delivers in order, each message in a microtask of its own. */
class FakePort extends EventTarget {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  other: FakePort | null = null;
  #isClosed = false;

  postMessage(data: unknown): void {
    if (this.#isClosed) return;
    const copy: unknown = structuredClone(data);
    queueMicrotask(() => this.other?.deliver(copy));
  }

  deliver(data: unknown): void {
    if (!this.#isClosed) this.onmessage?.({ data });
  }

  /** Closes both ends; the other one tells so, also when the document of this one is gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => this.other?.closed());
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.dispatchEvent(new Event("close"));
  }
}

/** A `MessageChannel` whose messages have arrived after `settled()`. */
export class FakeMessageChannel {
  readonly port1 = new FakePort();
  readonly port2 = new FakePort();

  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}
