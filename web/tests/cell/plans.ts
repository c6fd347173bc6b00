/** Plans of cells for tests. */

import type { CellPlan } from "../../src/cell/plan";

/** A plan with defaults for the settings that `wishes` does not give. */
export function planFor(element: HTMLElement, wishes: Partial<CellPlan> = {}): CellPlan {
  return {
    input: element,
    output: element,
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
    scripts: false,
    plainPython: false,
    permalink: false,
    permalinkId: "",
    onPermalink: () => undefined,
    hint: "",
    ...wishes,
  };
}
