/** The options of `makeSagecell`: defaults, templates, and validation. */

import { ALL } from "../editor/languages";
import type { ScriptPlace } from "../cell/plan";
import type { JsonObject } from "../protocol/messages";
import type { EditorKind, EmbedOptions, LanguageName, SagecellApi } from "../publicapi";

/** The argument of `makeSagecell` as pages pass it: values may have any type. */
export type Wishes = { readonly [Name in keyof EmbedOptions]?: unknown };

/** `sagecell.templates`. */
export const TEMPLATES: SagecellApi["templates"] & Readonly<Record<string, Wishes>> = {
  minimal: { editor: "textarea-readonly", hide: ["editor", "files", "permalink"] },
  restricted: { editor: "codemirror-readonly", hide: ["files", "permalink"] },
};

/** The options of a call that gives none. */
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

/** The call's own options over those of its template over the defaults; `hide` is the union. */
export function settled(wishes: Wishes): Wishes {
  const template = templateOf(wishes["template"]);
  const hide = [DEFAULTS, template, wishes].flatMap((each) => texts(each["hide"]));
  return { ...DEFAULTS, ...template, ...given(wishes), hide };
}

/** The kind of editor; "codemirror" for an unknown one. */
export function editorOf({ editor }: Wishes): EditorKind {
  return EDITORS.includes(editor) ? (editor as EditorKind) : "codemirror";
}

/** The languages to choose from: at least one, without duplicates. */
export function languagesOf({ languages }: Wishes): readonly [string, ...string[]] {
  const [first = "sage", ...others] = new Set(texts(languages));
  return [first, ...others];
}

/** The language that is selected at first: one of `languagesOf`. */
export function languageOf(wishes: Wishes): string {
  const languages = languagesOf(wishes);
  const wished = wishes["defaultLanguage"];
  return typeof wished === "string" && languages.includes(wished) ? wished : languages[0];
}

/** The names of the parts to hide. Linked cells have no permalinks, single languages no menu. */
export function hiddenIn(wishes: Wishes, isLinked: boolean): ReadonlySet<string> {
  const hidden = new Set(texts(wishes["hide"]));
  if (isLinked) hidden.add("permalink");
  if (languagesOf(wishes).length === 1) hidden.add("language");
  return hidden;
}

/** The state of each interact to restore, from an array or its JSON; empty for anything else. */
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

/** Whether the input is collapsible: true initially closed, false open, null not collapsible. */
export function collapseOf({ collapse }: Wishes): boolean | null {
  return collapse === undefined || collapse === null ? null : Boolean(collapse);
}

/** Where scripts run: in a frame for "frame", nowhere for false, otherwise in the page. */
export function scriptPlaceOf({ scripts }: Wishes): ScriptPlace {
  if (scripts === "frame") return scripts;
  return scripts ? "page" : "none";
}

/** `sagecell.allLanguages`. */
export const allLanguages: readonly LanguageName[] = ALL;

/** A value as text; empty when its conversion throws. */
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

/** Options without those that are undefined, so that these do not override defaults. */
function given(wishes: Wishes): Wishes {
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
