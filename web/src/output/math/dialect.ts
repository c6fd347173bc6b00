/** TeX that MathJax and LaTeX support and KaTeX does not, rewritten so that it can be typeset. */

/** The arguments of a macro, as KaTeX reads them. */
interface Expander {
  /** The tokens of each of the next `count` arguments, the last token first. */
  consumeArgs(count: number): readonly (readonly { readonly text: string }[])[];
}

/** Macros by their names; KaTeX adds those that formulas define. */
export type Macros = Record<string, string | object | ((expander: object) => string)>;

/** Environments that KaTeX does not know, and those that it only knows in displayed formulas. */
const ENVIRONMENTS: ReadonlyMap<string, string> = new Map([
  ["eqnarray", "darray"],
  ["multline", "gathered"],
  ["flalign", "aligned"],
  ["displaymath", "gathered"],
  ["math", "gathered"],
]);
const INLINE_ENVIRONMENTS: ReadonlyMap<string, string> = new Map([
  ...ENVIRONMENTS,
  ["align", "aligned"],
  ["gather", "gathered"],
  ["equation", "gathered"],
]);

/** Where a matrix begins or ends: its rows have the height of what is in them, and no room between. */
const MATRIX = /\\(begin|end)\{(?:array|[bpvBV]?matrix)\*?\}/g;

/** The least height of rows with fractions, in lines. */
const FRACTION_ROW = "1.4";

/** Macros for what KaTeX lacks, to which formulas add their own. */
export function newMacros(): Macros {
  return {
    "\\label": ignored,
    "\\require": ignored,
    "\\ref": (expander: object) => `\\text{${labelIn(expander)}}`,
    "\\eqref": (expander: object) => `\\text{(${labelIn(expander)})}`,
    "\\DeclareMathOperator": "\\@ifstar\\declare@starred\\declare@plain",
    "\\declare@plain": "\\gdef#1{\\operatorname{#2}}",
    "\\declare@starred": "\\gdef#1{\\operatorname*{#2}}",
    "\\shoveleft": "#1",
    "\\shoveright": "#1",
    "\\class": "\\@secondoftwo{#1}{#2}",
    "\\cssId": "\\@secondoftwo{#1}{#2}",
    "\\style": "\\@secondoftwo{#1}{#2}",
  };
}

/** `tex` for KaTeX; `isDisplay` if the formula is displayed on a line of its own. */
export function supported(tex: string, isDisplay: boolean): string {
  const environments = isDisplay ? ENVIRONMENTS : INLINE_ENVIRONMENTS;
  return (
    withRoomyRows(tex)
      .replace(/\\(begin|end)\{([a-z]+)\*?\}/g, (found, word: string, name: string) => {
        const known = environments.get(name);
        if (known === undefined) return found;
        return `\\${word}{${known}}${known === "darray" && word === "begin" ? "{rcl}" : ""}`;
      })
      // A program that runs again, or that names a macro of KaTeX's, defines it anew.
      .replace(
        /\\(?:re)?newcommand\*?\s*(?:\{\s*(\\[a-zA-Z]+)\s*\}|(\\[a-zA-Z]+))/g,
        (_found, braced: string | undefined, bare: string | undefined) => {
          const name = braced ?? bare ?? "";
          return `\\providecommand{${name}}{}\\renewcommand{${name}}`;
        },
      )
  );
}

/** `tex` with room between rows of fractions, which would touch, unless it says how high rows are. */
function withRoomyRows(tex: string): string {
  if (!/\\[dt]?frac(?![a-zA-Z])/.test(tex) || tex.includes("\\arraystretch")) return tex;
  return tex.replace(MATRIX, (found, word: string) =>
    word === "begin"
      ? `\\begingroup\\def\\arraystretch{${FRACTION_ROW}}${found}`
      : `${found}\\endgroup`,
  );
}

function ignored(expander: object): string {
  (expander as Expander).consumeArgs(1);
  return "";
}

/** The next argument as text in which nothing has a meaning in TeX. */
function labelIn(expander: object): string {
  const tokens = (expander as Expander).consumeArgs(1)[0] ?? [];
  const label = tokens
    .map(({ text }) => text)
    .reverse()
    .join("");
  return label.replace(/[\\{}$%~^]/g, "").replace(/[_&#]/g, "\\$&");
}
