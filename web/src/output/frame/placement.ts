/**
 * Which items of an output are shown in its frame, and which in the page.
 *
 * The frame is opened for the first item that needs it. It then has that item and those after it, except
 * those that stay in the page, so that scripts find what the program displayed before and after them.
 */

import { widgetIn } from "../../protocol/widgets/orders";
import { hasElements, isFileFrame, isFileLink, runsScripts } from "../mime";
import type { Showing } from "../policy";
import type { Item } from "../text/transcript";

/** Whether scripts run in the frame, if there is one, and not in the page. */
export function framesScripts(showing: Showing): boolean {
  return showing.framed === "scripts";
}

/** Whether an item can be shown only in the frame: a widget, or scripts that do not run in the page. */
export function needsFrame(item: Item, showing: Showing): boolean {
  if (showing.frame === null || item.kind !== "display") return false;
  if (widgetIn(item.data) !== "") return true;
  return framesScripts(showing) && runsScripts(item.data, showing);
}

/**
 * Whether an item stays in the page: a control or comm, which uses the kernel, a frame of its own with a
 * file, or a link to one, which the frame would not allow, or what scripts in the page run or look for.
 */
export function staysInPage(item: Item, showing: Showing): boolean {
  if (item.kind !== "display" || widgetIn(item.data) !== "") return false;
  if (showing.live(item.data) !== null) return true;
  if (isFileFrame(item.data) || isFileLink(item.data)) return true;
  return !framesScripts(showing) && (hasElements(item.data) || runsScripts(item.data, showing));
}

/** The index of the first item with ids that scripts in the frame may look for; Infinity if there is none. */
export function firstForScripts(items: readonly Item[], showing: Showing): number {
  if (!framesScripts(showing)) return Infinity;
  const first = items.findIndex(
    (item) => item.kind === "display" && hasElements(item.data) && !staysInPage(item, showing),
  );
  return first < 0 ? Infinity : first;
}
