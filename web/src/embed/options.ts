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
  keep: true,
  completeWhileTyping: false,
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

/** All options. */
const NAMES = Object.keys({
  inputLocation: 0,
  outputLocation: 0,
  code: 0,
  codeLocation: 0,
  languages: 0,
  defaultLanguage: 0,
  evalButtonText: 0,
  autoeval: 0,
  linked: 0,
  linkKey: 0,
  editor: 0,
  hide: 0,
  template: 0,
  replaceOutput: 0,
  collapse: 0,
  scripts: 0,
  keep: 0,
  completeWhileTyping: 0,
  interacts: 0,
  mode: 0,
  callback: 0,
  permalink: 0,
  permalinkId: 0,
  onPermalink: 0,
  hint: 0,
} satisfies Record<keyof EmbedOptions, 0>);

/** The parts that can be hidden; other names have no effect. */
const PARTS = [
  ...["editor", "fullScreen", "language", "evalButton", "files"],
  ...["output", "messages", "sessionFiles", "permalink"],
];

/** Sentences on what the author of the page has probably not meant; `wishes` has no defaults. */
export function mistakesIn(wishes: Wishes): string[] {
  const { template, editor, mode, defaultLanguage } = wishes;
  const languages = texts(wishes["languages"]);
  const chosen = languages.length > 0 ? languages : ["sage"];
  const both = [wishes, typeof template === "string" ? {} : templateOf(template)];
  return [
    ...both.flatMap((each) => unknown("option", Object.keys(each), NAMES)),
    ...unknown("template", texts(template), Object.keys(TEMPLATES)),
    ...unknown("editor", listed(editor), EDITORS),
    ...unknown("mode", listed(mode), ["normal", "debug"]),
    ...unknown("language", languages, ALL),
    ...unknown("language in its menu", listed(defaultLanguage), chosen),
    // Pages for SageMathCell also hide parts that do not exist here.
    ...unknown("part to hide", texts(wishes["hide"]).filter(isMiscased), PARTS),
  ];
}

function isMiscased(part: string): boolean {
  return similar(part, PARTS) !== undefined;
}

/** A sentence for each name that is not known. */
function unknown(kind: string, names: readonly unknown[], known: readonly unknown[]): string[] {
  return names
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = similar(textOf(name), known);
      const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
      return `makeSagecell knows no ${kind} "${textOf(name).slice(0, 80)}".${hint}`;
    });
}

/** The known name that differs only in case or white space. */
function similar(name: string, known: readonly unknown[]): string | undefined {
  const plain = (each: unknown) => textOf(each).trim().toLowerCase();
  const found = known.find((each) => each !== name && plain(each) === plain(name));
  return found === undefined ? undefined : textOf(found);
}

/** A list of one value; empty if the option is not given. */
function listed(value: unknown): unknown[] {
  return value === undefined || value === null ? [] : [value];
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
