/** What a comm and its view know of each other. */

import type { FileAddress } from "../output/html";
import type { Json, JsonObject } from "../protocol/messages";

export interface CommHost {
  /** Sends to the program; fulfilled when that has dealt with it. Rejects with KernelGone. */
  send(data: JsonObject | string): Promise<void>;
  readonly fileAddress: FileAddress;
  /** Whether programs may do what the page may. */
  readonly byPage: boolean;
}

/** What is seen of one comm. */
export interface CommView {
  readonly element: HTMLElement;
  /** What the program sent: anything. */
  handle(data: Json): void;
  /** The kernel is idle: files that it made have arrived. */
  flush(): void;
  /** What cells said is on the page, and its scripts have run. */
  drawn(): void;
  /** Nobody listens any more. */
  end(): void;
}

/** What the module `index` of this folder gives. */
export interface Comms {
  createView(target: string, data: JsonObject, host: CommHost): CommView;
}
