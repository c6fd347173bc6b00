/** Plans of cells for tests. */

import { CellForm } from "../../src/cell/form";
import type { MadeCell } from "../../src/cell/handle";
import type { CellPlan } from "../../src/cell/plan";
import type { PageCells } from "../../src/cells";
import { FakeClock } from "../fakes";

/** A plan with defaults for the settings that `wishes` does not give. */
export function planFor(element: HTMLElement, wishes: Partial<CellPlan> = {}): CellPlan {
  return {
    number: 1,
    isNarrow: false,
    input: element,
    output: element,
    area: null,
    code: "print(1)",
    editor: "codemirror",
    evalButtonText: "Evaluate",
    hide: new Set(["messages", "language"]),
    isDebug: false,
    replaceOutput: true,
    languages: ["python"],
    language: "python",
    linkKey: null,
    autoeval: false,
    interacts: [],
    collapse: null,
    scripts: "none",
    keep: true,
    completeWhileTyping: false,
    permalink: false,
    permalinkId: "",
    onPermalink: () => undefined,
    hint: "",
    ...wishes,
  };
}

/** Makes a cell as a page does: its form first, then the rest. */
export function makeCell(cells: PageCells, plan: CellPlan, clock = new FakeClock()): MadeCell {
  return cells.make(plan, new CellForm(plan, clock));
}
