/** CodeMirror 5's names of commands, which pages for SageMathCell run. */

import { startCompletion } from "@codemirror/autocomplete";
import * as commands from "@codemirror/commands";
import type { Command } from "@codemirror/view";

/** The commands by name. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["autocomplete", startCompletion],
  ["defaultTab", commands.indentMore],
  ["delCharAfter", commands.deleteCharForward],
  ["delCharBefore", commands.deleteCharBackward],
  ["delGroupAfter", commands.deleteGroupForward],
  ["delGroupBefore", commands.deleteGroupBackward],
  ["delWordAfter", commands.deleteGroupForward],
  ["delWordBefore", commands.deleteGroupBackward],
  ["deleteLine", commands.deleteLine],
  ["goCharLeft", commands.cursorCharLeft],
  ["goCharRight", commands.cursorCharRight],
  ["goDocEnd", commands.cursorDocEnd],
  ["goDocStart", commands.cursorDocStart],
  ["goLineDown", commands.cursorLineDown],
  ["goLineEnd", commands.cursorLineEnd],
  ["goLineStart", commands.cursorLineStart],
  ["goLineStartSmart", commands.cursorLineBoundaryBackward],
  ["goLineUp", commands.cursorLineUp],
  ["goPageDown", commands.cursorPageDown],
  ["goPageUp", commands.cursorPageUp],
  ["goWordLeft", commands.cursorGroupLeft],
  ["goWordRight", commands.cursorGroupRight],
  ["indentAuto", commands.indentSelection],
  ["indentLess", commands.indentLess],
  ["indentMore", commands.indentMore],
  ["insertTab", commands.insertTab],
  ["killLine", commands.deleteToLineEnd],
  ["newlineAndIndent", commands.insertNewlineAndIndent],
  ["openLine", commands.splitLine],
  ["redo", commands.redo],
  ["selectAll", commands.selectAll],
  ["singleSelection", commands.simplifySelection],
  ["toggleComment", commands.toggleComment],
  ["transposeChars", commands.transposeChars],
  ["undo", commands.undo],
]);
