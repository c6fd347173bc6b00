/**
 * What the server has written into its own page. It imports nothing, so that the page's first button
 * waits for no other module.
 */

/** The program with which the server's own page starts. */
export interface PageProgram {
  readonly code: string;
  readonly language: string;
  /** JSON: an array with the state of each interact. */
  readonly interacts: string;
  readonly autoeval: boolean;
  /** The id of the permalink that it comes from; empty for none. */
  readonly permalink: string;
}

/** Decodes the text of the page's element #sagecell-page; missing values are empty. */
export function decodePage(text: string): PageProgram {
  const page = JSON.parse(text || "{}") as Readonly<Record<keyof PageProgram, unknown>>;
  const textOf = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    code: textOf(page.code),
    language: textOf(page.language),
    interacts: textOf(page.interacts),
    autoeval: page.autoeval === true,
    permalink: textOf(page.permalink),
  };
}
