/** The interface between a comm and its view. */

import type { FileAddress } from "../output/html";
import type { Json, JsonObject } from "../protocol/messages";

/** The services of a comm for its view. */
export interface CommHost {
  /** Sends a comm_msg; fulfilled when it is handled, or refused. Rejects with KernelGone. */
  send(data: JsonObject | string): Promise<void>;
  readonly fileAddress: FileAddress;
  /** Whether output has the page's rights. */
  readonly byPage: boolean;
}

/** The part of the page that shows one comm. */
export interface CommView {
  readonly element: HTMLElement;
  /** Takes the data of a comm_msg: any JSON. */
  handle(data: Json): void;
  /** Called when the kernel is idle, so that the files that it wrote are on the server. */
  flush(): void;
  /** Called when output has been drawn and its scripts have run. */
  drawn(): void;
  /** Called when the comm or its kernel has ended: events go nowhere from now on. */
  end(): void;
}

/** The exports of this folder's module `index`, which is loaded on demand. */
export interface Comms {
  createView(target: string, data: JsonObject, host: CommHost): CommView;
}
