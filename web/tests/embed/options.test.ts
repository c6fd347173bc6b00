import { describe, expect, test } from "vitest";

import {
  TEMPLATES,
  collapseOf,
  editorOf,
  hiddenIn,
  interactsOf,
  languageOf,
  languagesOf,
  mistakesIn,
  scriptPlaceOf,
  settled,
} from "../../src/embed/options";

// contract: 7.6
test("templates are what they always were", () => {
  expect(TEMPLATES).toEqual({
    minimal: { editor: "textarea-readonly", hide: ["editor", "files", "permalink"] },
    restricted: { editor: "codemirror-readonly", hide: ["files", "permalink"] },
  });
});

// contract: 7.2, 7.6
test("a page's options override its template's, and hidden parts add up", () => {
  const wishes = settled({ template: TEMPLATES["minimal"], editor: "textarea", hide: ["output"] });
  expect(wishes["editor"]).toBe("textarea");
  expect(wishes["hide"]).toEqual(["messages", "editor", "files", "permalink", "output"]);
  expect(wishes["evalButtonText"]).toBe("Evaluate");
  expect(settled({ editor: undefined })["editor"]).toBe("codemirror");
});

// contract: 7.2
describe("hidden", () => {
  const hidden = (wishes: object, isLinked = false) => [
    ...hiddenIn(settled({ ...wishes }), isLinked),
  ];

  test("are messages, and the selector of one language", () => {
    expect(hidden({})).toEqual(["messages", "language"]);
    expect(hidden({ languages: ["sage", "r"] })).toEqual(["messages"]);
  });

  test("is the permalink of linked cells", () => {
    expect(hidden({}, true)).toContain("permalink");
  });

  test("ignores unknown names", () => {
    const names = ["editorToggle", "done", "sessionTitle", "sageMode", 7, null];
    expect(() => hidden({ hide: names })).not.toThrow();
    expect(() => hidden({ hide: "editor" })).not.toThrow();
    expect(() => hidden({ hide: { a: 1 } })).not.toThrow();
  });
});

test("there is always a language, and the default is one of them", () => {
  expect(languagesOf({})).toEqual(["sage"]);
  expect(languagesOf({ languages: [] })).toEqual(["sage"]);
  expect(languagesOf({ languages: ["r", "r", 7, "gap"] })).toEqual(["r", "gap"]);
  expect(languagesOf({ languages: "octave" })).toEqual(["octave"]);
  expect(languageOf({ languages: ["r", "gap"], defaultLanguage: "gap" })).toBe("gap");
  expect(languageOf({ languages: ["r", "gap"], defaultLanguage: "sage" })).toBe("r");
});

test("an unknown editor is CodeMirror", () => {
  expect(editorOf({ editor: "textarea-readonly" })).toBe("textarea-readonly");
  for (const editor of ["ace", undefined, 7]) expect(editorOf({ editor })).toBe("codemirror");
});

test("interacts may be an array or its JSON", () => {
  expect(interactsOf({ interacts: [{ state: {} }, 7, null] })).toEqual([{ state: {} }]);
  expect(interactsOf({ interacts: '[{"state":{"n":1}}]' })).toEqual([{ state: { n: 1 } }]);
  for (const interacts of ["[", "{}", 7, undefined]) expect(interactsOf({ interacts })).toEqual([]);
});

test("scripts run in the page, in a frame, or nowhere", () => {
  const places = [{ scripts: true }, { scripts: "frame" }, { scripts: false }, settled({})];
  expect(places.map(scriptPlaceOf)).toEqual(["page", "frame", "none", "page"]);
  for (const scripts of ["Frame", 1, {}]) expect(scriptPlaceOf({ scripts })).toBe("page");
});

test("collapse is a fold, closed when it is true", () => {
  expect([{ collapse: true }, { collapse: false }, {}].map(collapseOf)).toEqual([
    true,
    false,
    null,
  ]);
});

describe("mistakes", () => {
  test.each<[object, string[]]>([
    [{ inputlocation: "#a" }, ['option "inputlocation". Did you mean "inputLocation"?']],
    [{ evalButonText: "x" }, ['option "evalButonText".']],
    [{ languages: ["Sage", "cobol"] }, ['language "Sage". Did you mean "sage"?', '"cobol".']],
    [{ languages: "R " }, ['language "R ". Did you mean "r"?']],
    [{ languages: ["r"], defaultLanguage: "R" }, ['menu "R". Did you mean "r"?']],
    [{ defaultLanguage: "python" }, ['language in its menu "python".']],
    [{ editor: "CodeMirror" }, ['editor "CodeMirror". Did you mean "codemirror"?']],
    [{ mode: "Debug" }, ['mode "Debug". Did you mean "debug"?']],
    [{ template: "Minimal" }, ['template "Minimal". Did you mean "minimal"?']],
    [{ template: { Editor: "textarea" } }, ['option "Editor". Did you mean "editor"?']],
    [{ hide: ["evalbutton", "editorToggle"] }, ['hide "evalbutton". Did you mean "evalButton"?']],
    [{ editor: Object.create(null) }, ['editor "".']],
  ])("%j", (wishes, sentences) => {
    const found = mistakesIn(wishes);
    expect(found).toHaveLength(sentences.length);
    sentences.forEach((words, at) => expect(found[at]).toContain(words));
  });

  test.each([
    {},
    { inputLocation: "#a", editor: undefined, mode: null, languages: [7] },
    { languages: ["r", "sage"], defaultLanguage: "sage", template: TEMPLATES["minimal"] },
    { hide: ["editorToggle", "done", "sageMode", "evalButton"], linkKey: 7, autoeval: 1 },
  ])("are none in %j", (wishes) => {
    expect(mistakesIn(wishes)).toEqual([]);
  });
});
