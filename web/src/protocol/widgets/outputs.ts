/**
 * Output that a widget captures, as a notebook file has it.
 *
 * Source: https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs
 */

import { type Json, type JsonObject, isObject, objectAt, textAt } from "../json";
import { joinedText } from "../bundles";
import { decodeMessage } from "../decode";
import type { KernelMessage } from "../messages";

/** The output that a message is; null for one that is none, such as `clear_output`. */
export function outputOf({ type, content }: KernelMessage): JsonObject | null {
  switch (type) {
    case "stream":
      return { output_type: type, name: content.name, text: content.text };
    case "display_data":
    case "execute_result":
    case "update_display_data": {
      const { data, metadata, displayId } = content;
      const shown = { output_type: type, data, metadata };
      const counted = type === "execute_result" ? { ...shown, execution_count: null } : shown;
      return displayId === "" ? counted : { ...counted, transient: { display_id: displayId } };
    }
    case "error":
      return {
        output_type: type,
        ename: content.name,
        evalue: content.value,
        traceback: content.traceback.split("\n"),
      };
    default:
      return null;
  }
}

/** The message that an output was; null for what is no output. */
export function messageOf(output: Json): KernelMessage | null {
  if (!isObject(output)) return null;
  const type = textAt(output, "output_type");
  const text = joinedText(output["text"] ?? "");
  const content = type === "stream" ? { ...output, text } : output;
  const message = decodeMessage({ msg_type: type, content, channel: "iopub" });
  return message !== null && outputOf(message) !== null ? message : null;
}

/**
 * Appends `output` to `outputs`, or its text to that of the last one, if both are of one stream.
 *
 * Returns the one of `outputs` that has it now.
 */
export function addOutput(outputs: JsonObject[], output: JsonObject): JsonObject {
  const last = outputs.at(-1);
  const isMore =
    last !== undefined &&
    output["output_type"] === "stream" &&
    last["output_type"] === "stream" &&
    last["name"] === output["name"];
  if (isMore) {
    last["text"] = joinedText(last["text"] ?? "") + joinedText(output["text"] ?? "");
    return last;
  }
  const added = { ...output };
  outputs.push(added);
  return added;
}

/** Outputs as a notebook keeps them, without the ids for updates. */
export function keptOutputs(outputs: readonly JsonObject[]): JsonObject[] {
  return outputs.map((output) => {
    const kept = { ...output };
    delete kept["transient"];
    return kept;
  });
}

/** The id by which a display is updated; empty for none. */
export function displayIdOf(output: JsonObject): string {
  return textAt(objectAt(output, "transient"), "display_id");
}

/** The message that clears output. */
export function heardClear(wait: boolean): KernelMessage | null {
  return decodeMessage({ msg_type: "clear_output", content: { wait } });
}
