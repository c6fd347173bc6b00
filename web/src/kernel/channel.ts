/** Messages to and from one kernel, independent of the transport. */

import type { ClientMessage, KernelMessage, Reason } from "../protocol/messages";

/** The sending side of a channel. */
export interface Channel {
  /** Sends a message; during an outage it is kept and sent later. */
  send(message: ClientMessage): void;
  /** Ends the channel from this side. No event follows. */
  close(): void;
}

/** The callbacks of a channel. None is called before `OpenChannel` has returned. */
export interface ChannelEvents {
  /** Called once, when the first connection is open. */
  readonly onOpen: () => void;
  /** Called once for each message, in the kernel's order. */
  readonly onMessage: (message: KernelMessage) => void;
  /** Called after `onOpen` when an outage begins or ends. Outages lose no messages. */
  readonly onConnection: (connection: "lost" | "restored") => void;
  /** Called once, as the last callback. */
  readonly onEnd: (end: Reason) => void;
}

/** Opens a channel to the kernel at a WebSocket address, and calls `events` until its end. */
export type OpenChannel = (address: string, events: ChannelEvents) => Channel;
