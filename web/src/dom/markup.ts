/** The text that an author has written into an element, as it was meant. */

/** Elements that begin and end a line. */
const BLOCKS: ReadonlySet<string> = new Set(["P", "DIV", "LI", "PRE"]);

/** The text that a visual editor shows for `element`: lines for <br> and <p>, plain spaces. */
export function written(element: Node): string {
  let text = "";
  for (const node of element.childNodes) {
    if (node.nodeName === "BR") text += "\n";
    else if (BLOCKS.has(node.nodeName)) text = `${ended(text)}${withoutEnd(written(node))}\n`;
    else if (node instanceof Text) text += wordsOf(node);
    // In HTML, a CDATA section is a comment that ends at the first ">".
    else if (node instanceof Comment) text += node.data.startsWith(CDATA) ? `<!${node.data}>` : "";
    else text += written(node);
  }
  return text;
}

const CDATA = "[CDATA[";

function wordsOf(node: Text): string {
  const { previousSibling: before, nextSibling: after } = node;
  const isBetweenBlocks = [before, after].some((each) => each && BLOCKS.has(each.nodeName));
  if (isBetweenBlocks && node.data.trim() === "") return "";
  // Editors write a new line after <br>, for the source to be readable.
  const data = before?.nodeName === "BR" ? node.data.replace(/^\n/, "") : node.data;
  return data.replaceAll("\u00a0", " ");
}

function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function withoutEnd(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** Comment signs of several languages, with which pages hide CDATA sections from browsers. */
const SIGNS = /^[\s/#*<!>-]*$/;

/** The content of a text that is one CDATA section; any other text as it is. */
export function unwrapped(text: string): string {
  const begin = `<!${CDATA}`;
  const [start, end] = [text.indexOf(begin), text.lastIndexOf("]]>")];
  if (start < 0 || end < start) return text;
  if (!SIGNS.test(text.slice(0, start)) || !SIGNS.test(text.slice(end + 3))) return text;
  const lines = text.slice(start + begin.length, end).split("\n");
  lines[0] = (lines[0] ?? "").replace(/^\s*\*\//, "");
  const last = lines.length - 1;
  lines[last] = (lines[last] ?? "").replace(/(?:\/\/|\/\*|#)[/<!> -]*$/, "");
  return lines.filter((line, at) => (at > 0 && at < last) || !SIGNS.test(line)).join("\n");
}

/** A program without blank lines around it, byte order mark and common indentation. */
export function dedented(text: string): string {
  const all = text.trimEnd().split("\n");
  const lines = all.slice(all.findIndex((line) => line.trim() !== ""));
  const [first = ""] = lines;
  // A byte order mark is white space for `trim`, but no indentation.
  lines[0] = first.replaceAll("\ufeff", "");
  const margin = marginOf(lines) || marginAfterFirst(lines) || indentationOf(lines[0]);
  const moved = lines.map((line) => {
    if (line.startsWith(margin)) return line.slice(margin.length);
    return line.trim() === "" ? "" : line;
  });
  return moved.join("\n").trimStart();
}

function indentationOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

/** The indentation that all lines share, except blank ones. */
function marginOf(lines: readonly string[]): string {
  let margin: string | null = null;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const own = indentationOf(line);
    margin ??= own;
    while (!own.startsWith(margin)) margin = margin.slice(0, -1);
  }
  return margin ?? "";
}

/** The margin of a program that begins right behind a tag, without its first line's indentation. */
function marginAfterFirst([first = "", ...others]: readonly string[]): string {
  const isComplete =
    first.split(/[([{]/).length === first.split(/[)\]}]/).length &&
    !/"""|'''|[:\\,]\s*(?:#.*)?$/.test(first);
  return indentationOf(first) === "" && isComplete ? marginOf(others) : "";
}
