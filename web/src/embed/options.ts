/** What pages may ask of `makeSagecell`, and what they get where they ask for nothing. */

import { ALL } from "../editor/languages";
import type { ScriptPlace } from "../cell/plan";
import type { JsonObject } from "../protocol/messages";
import type { EditorKind, EmbedOptions, LanguageName, SagecellApi } from "../publicapi";

/** The argument of `makeSagecell`, as pages write it: nothing in it is certain. */
export type Wishes = { readonly [Name in keyof EmbedOptions]?: unknown };

export const TEMPLATES: SagecellApi["templates"] & Readonly<Record<string, Wishes>> = {
  minimal: { editor: "textarea-readonly", hide: ["editor", "files", "permalink"] },
  restricted: { editor: "codemirror-readonly", hide: ["files", "permalink"] },
};

export const DEFAULTS: Wishes = {
  editor: "codemirror",
  evalButtonText: "Evaluate",
  hide: ["messages"],
  mode: "normal",
  replaceOutput: true,
  languages: ["sage"],
  linked: false,
  autoeval: false,
  scripts: true,
};

const EDITORS: readonly unknown[] = [
  "codemirror",
  "codemirror-readonly",
  "textarea",
  "textarea-readonly",
] satisfies EditorKind[];

/** A page's wishes above its template's above the defaults; what is hidden adds up. */
export function settled(wishes: Wishes): Wishes {
  const template = templateOf(wishes["template"]);
  const hide = [DEFAULTS, template, wishes].flatMap((each) => texts(each["hide"]));
  return { ...DEFAULTS, ...template, ...given(wishes), hide };
}

export function editorOf({ editor }: Wishes): EditorKind {
  return EDITORS.includes(editor) ? (editor as EditorKind) : "codemirror";
}

/** Languages that somebody may choose; never none. */
export function languagesOf({ languages }: Wishes): readonly [string, ...string[]] {
  const [first = "sage", ...others] = new Set(texts(languages));
  return [first, ...others];
}

export function languageOf(wishes: Wishes): string {
  const languages = languagesOf(wishes);
  const wished = wishes["defaultLanguage"];
  return typeof wished === "string" && languages.includes(wished) ? wished : languages[0];
}

/** Parts that are hidden; names that nobody knows hide nothing. */
export function hiddenIn(wishes: Wishes, isLinked: boolean): ReadonlySet<string> {
  const hidden = new Set(texts(wishes["hide"]));
  if (isLinked) hidden.add("permalink");
  if (languagesOf(wishes).length === 1) hidden.add("language");
  return hidden;
}

/** States of interacts, as an array or as its JSON. */
export function interactsOf({ interacts }: Wishes): readonly JsonObject[] {
  let value: unknown = interacts;
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch {
      return [];
    }
  }
  if (!Array.isArray(value)) return [];
  return value.filter((item) => typeof item === "object" && item !== null) as JsonObject[];
}

/** Closed, open, or no fold at all. */
export function collapseOf({ collapse }: Wishes): boolean | null {
  return collapse === undefined || collapse === null ? null : Boolean(collapse);
}

/** Where scripts run: "frame", nowhere for false, else in the page. */
export function scriptPlaceOf({ scripts }: Wishes): ScriptPlace {
  if (scripts === "frame") return scripts;
  return scripts ? "page" : "none";
}

export const allLanguages: readonly LanguageName[] = ALL;

/** A value as text; empty for what cannot be one. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "";
  }
}

function templateOf(template: unknown): Wishes {
  if (typeof template === "string") return TEMPLATES[template] ?? {};
  return typeof template === "object" && template !== null ? template : {};
}

/** Wishes without those that are undefined: these leave the defaults alone. */
function given(wishes: Wishes): Wishes {
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
