/** The way for messages to and from one kernel, whatever carries them. */

import type { ClientMessage, KernelMessage, Reason } from "../protocol/messages";

export interface Channel {
  /** Sends a message; while nothing gets through it is kept, and sent later. */
  send(message: ClientMessage): void;
  /** Ends the channel from this side. No event follows. */
  close(): void;
}

/** What a channel tells; nothing of it before the channel has been returned to its opener. */
export interface ChannelEvents {
  /** Messages get through. Called once. */
  readonly onOpen: () => void;
  /** Called for each message once, in the kernel's order. */
  readonly onMessage: (message: KernelMessage) => void;
  /** After `onOpen`: nothing gets through, or messages do again. None is lost by it. */
  readonly onConnection: (connection: "lost" | "restored") => void;
  /** No message follows. Called once, last. */
  readonly onEnd: (end: Reason) => void;
}

export type OpenChannel = (address: string, events: ChannelEvents) => Channel;
