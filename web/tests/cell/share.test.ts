import { inflateSync } from "node:zlib";

import { beforeEach, describe, expect, test } from "vitest";

import { LONGEST, Share } from "../../src/cell/share";
import { type KeptProgram, Refusal } from "../../src/kernel/server";
import type { Permalink } from "../../src/protocol/answers";
import { settled } from "../fakes";

const PROGRAM = { code: "print(1)", language: "octave", interacts: "[]" };

let kept: KeptProgram[];
let copied: string[];
let opener: HTMLElement;

function shareWith(keep: (program: KeptProgram) => Promise<Permalink>): Share {
  return new Share({
    keep: (program) => {
      kept.push(program);
      return keep(program);
    },
    keepPermalink: async () => {
      throw new Refusal("unknown");
    },
    address: (path) => `http://cells.test/${path}`,
    copy: async (field) => {
      copied.push(field.value);
    },
    opener,
  });
}

beforeEach(() => {
  kept = [];
  copied = [];
  opener = document.createElement("button");
  document.body.replaceChildren(opener);
});

// contract: 8
test("shows a short link and one with the program, and copies each", async () => {
  const share = shareWith(async () => ({ query: "a&b", zip: "eJw-_w==", interacts: "eJyL" }));
  expect(share.element.hidden).toBe(true);
  await share.show(PROGRAM);
  expect(kept).toEqual([PROGRAM]);
  expect(share.element.className).toBe("sagecell_permalink");
  expect(share.element.querySelectorAll(".sagecell_permalink_result")).toHaveLength(2);
  const fields = Array.from(share.element.querySelectorAll("input"), ({ value }) => value);
  expect(fields).toEqual([
    "http://cells.test/?q=a%26b",
    "http://cells.test/?z=eJw-_w%3D%3D&lang=octave&interacts=eJyL",
  ]);
  for (const button of share.element.querySelectorAll<HTMLElement>(".sagecell_copyButton")) {
    button.click();
  }
  await settled();
  expect(copied).toEqual(fields);
  expect(share.element.querySelector("[role=status]")?.textContent).toBe("Copied");
  share.element.querySelector<HTMLElement>(".sagecell_permalink_close")?.click();
  expect(share.element.hidden).toBe(true);
});

test.each(["Escape in the panel", "Escape on the button", "Close"])(
  "the panel is closed by %s, and the focus is on the button that opened it",
  async (how) => {
    const share = shareWith(async () => ({ query: "q", zip: "z", interacts: "" }));
    document.body.append(share.element);
    const press = (element: Element, key: string) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
      element.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(press(opener, "Escape")).toBe(false);
    expect(opener.getAttribute("aria-expanded")).toBe("false");
    await share.show(PROGRAM);
    expect(opener.getAttribute("aria-expanded")).toBe("true");
    const field = share.element.querySelector("input")!;
    expect(press(field, "a")).toBe(false);
    expect(share.element.hidden).toBe(false);
    if (how === "Close")
      share.element.querySelector("button:last-child")!.dispatchEvent(new Event("click"));
    else expect(press(how.endsWith("panel") ? field : opener, "Escape")).toBe(true);
    expect(share.element.hidden).toBe(true);
    expect(document.activeElement).toBe(opener);
    expect(opener.getAttribute("aria-expanded")).toBe("false");
  },
);

describe("a permalink that is known", () => {
  let answer: (permalink: Permalink) => void;
  let refuse: (error: unknown) => void;
  let share: Share;
  const fields = () =>
    Array.from(share.element.querySelectorAll("input"), ({ value }) => new URL(value).search);

  beforeEach(() => {
    share = new Share({
      keep: async () => ({ query: "new", zip: "z", interacts: "" }),
      keepPermalink: () =>
        new Promise((resolve, reject) => {
          [answer, refuse] = [resolve, reject];
        }),
      address: (path) => `http://cells.test/${path}`,
      copy: async () => undefined,
      opener,
    });
  });

  test("is shown at once, and kept", async () => {
    const shown = share.show(PROGRAM, "old");
    expect(share.element.hidden).toBe(false);
    expect(fields()).toEqual(["?q=old"]);
    const first = share.element.querySelector("input");
    answer({ query: "old", zip: "z", interacts: "" });
    await shown;
    expect(fields()).toEqual(["?q=old", "?z=z&lang=octave"]);
    expect(share.element.querySelector("input")).toBe(first);
    expect(share.element.lastElementChild?.textContent).toBe("Close");
  });

  test("gives way to another if it has expired", async () => {
    const shown = share.show(PROGRAM, "old");
    refuse(new Refusal("ID not found", 404));
    await shown;
    expect(fields()).toEqual(["?q=new", "?z=z&lang=octave"]);
  });

  test("stays beside a sentence if the server cannot be reached", async () => {
    const shown = share.show(PROGRAM, "old");
    refuse(new Refusal("The server cannot be reached."));
    await shown;
    expect(fields()[0]).toBe("?q=old");
    expect(fields()[1]).toContain("?z=");
    expect(share.element.querySelector("[role=alert]")?.textContent).toContain("be reached");
  });

  test("is shown once, however often Share is pressed", async () => {
    const first = share.show(PROGRAM, "old");
    const answerFirst = answer;
    const second = share.show(PROGRAM, "old");
    for (const each of [answerFirst, answer]) each({ query: "old", zip: "z", interacts: "" });
    await Promise.all([first, second]);
    expect(fields()).toEqual(["?q=old", "?z=z&lang=octave"]);
  });

  test("leaves a panel closed that is closed meanwhile", async () => {
    const shown = share.show(PROGRAM, "old");
    share.hide();
    answer({ query: "old", zip: "z", interacts: "" });
    await shown;
    expect(share.element.hidden).toBe(true);
  });
});

test("offers no link that the server would refuse", async () => {
  const rest = "http://cells.test/?z=&lang=octave".length;
  for (const [size, offered] of [
    [LONGEST - rest, 2],
    [LONGEST - rest + 1, 1],
  ] as const) {
    const share = shareWith(async () => ({ query: "q", zip: "x".repeat(size), interacts: "" }));
    await share.show(PROGRAM);
    const fields = Array.from(share.element.querySelectorAll("input"), ({ value }) => value);
    expect(fields).toHaveLength(offered);
    expect(fields[0]).toBe("http://cells.test/?q=q");
    for (const field of fields) expect(field.length).toBeLessThanOrEqual(LONGEST);
    expect(share.element.textContent.includes("too long")).toBe(offered === 1);
  }
});

test("says that a copy did not work, and leaves the link selected by hand", async () => {
  const share = new Share({
    keep: async () => ({ query: "q", zip: "z", interacts: "" }),
    keepPermalink: async () => ({ query: "q", zip: "z", interacts: "" }),
    address: (path) => path,
    copy: async () => {
      throw new DOMException("no", "NotAllowedError");
    },
    opener,
  });
  await share.show(PROGRAM);
  share.element.querySelector<HTMLElement>(".sagecell_copyButton")?.click();
  await settled();
  expect(share.element.querySelector("[role=status]")?.textContent).toBe("Not copied");
});

test("says why there is no link", async () => {
  const share = shareWith(async () => {
    throw new Refusal("The database is away.");
  });
  await share.show(PROGRAM);
  expect(share.element.hidden).toBe(false);
  expect(share.element.querySelector("[role=alert]")?.textContent).toBe("The database is away.");
});

test("offers the link that contains the program when the server is away", async () => {
  const share = shareWith(async () => {
    throw new Refusal("The server cannot be reached.");
  });
  const code = "print('ä')\n".repeat(50);
  await share.show({ code, language: "sage", interacts: '[{"a":1}]' });
  const alert = share.element.querySelector("[role=alert]");
  expect(alert?.textContent).toBe("The server cannot be reached.");
  const fields = Array.from(share.element.querySelectorAll("input"), ({ value }) => value);
  expect(fields).toHaveLength(1);
  const query = new URL(fields[0] ?? "").searchParams;
  const unzipped = (name: string) =>
    inflateSync(Buffer.from(query.get(name) ?? "", "base64url")).toString("utf-8");
  expect(unzipped("z")).toBe(code);
  expect(unzipped("interacts")).toBe('[{"a":1}]');
  expect(query.get("lang")).toBe("sage");
  expect(share.element.lastElementChild?.textContent).toBe("Close");
});
