/** Output that the browser keeps: messages as JSON texts, which are decoded like those of kernels. */

import { decodeMessage } from "./decode";
import { type Json, type JsonObject, objectsAt, parseObject, textAt } from "./json";
import type { KernelMessage } from "./messages";

/** A program with the output of its last evaluation. */
export interface KeptProgram {
  readonly code: string;
  readonly language: string;
  /** The kernel whose files the output shows; empty for none. */
  readonly kernelId: string;
  readonly output: readonly KernelMessage[];
  /** When it was saved, in milliseconds since 1970. */
  readonly saved: number;
}

/** A message as JSON in the form of Jupyter; null for one that shows nothing in a cell's output. */
export function encodeOutput({ type, content, interactId }: KernelMessage): JsonObject | null {
  if (interactId !== "") return null;
  switch (type) {
    case "stream":
      return { msg_type: type, content: { name: content.name, text: content.text } };
    case "display_data":
    case "execute_result":
    case "update_display_data": {
      const { data, metadata, displayId } = content;
      const transient = { display_id: displayId };
      return { msg_type: type, content: { data, metadata, transient } };
    }
    case "error":
      return { msg_type: type, content: { traceback: [content.traceback] } };
    case "execute_reply": {
      const payload = [{ new_files: [...content.newFiles] }];
      return { msg_type: type, content: { status: content.status, payload } };
    }
    default:
      return null;
  }
}

/** A program as the text to keep; `output` has the results of `encodeOutput`. */
export function encodeProgram(
  program: Omit<KeptProgram, "output">,
  output: readonly JsonObject[],
): string {
  const { code, language, kernelId, saved } = program;
  return JSON.stringify({ code, language, kernel: kernelId, saved, output });
}

/** The program in a text; null if it is none. */
export function decodeProgram(text: string): KeptProgram | null {
  const kept = parseObject(text);
  const saved: Json | undefined = kept?.["saved"];
  if (kept === null || typeof saved !== "number" || typeof kept["code"] !== "string") return null;
  return {
    code: kept["code"],
    language: textAt(kept, "language"),
    kernelId: /^[\w-]{1,64}$/.exec(textAt(kept, "kernel"))?.[0] ?? "",
    output: objectsAt(kept, "output").flatMap((message) => decodeMessage(message) ?? []),
    saved,
  };
}
