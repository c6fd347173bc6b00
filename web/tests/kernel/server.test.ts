import { describe, expect, test } from "vitest";

import { Away, Refusal, Server } from "../../src/kernel/server";
import { shellRequest } from "../../src/protocol/messages";

const ID = "01234567-89ab-cdef-0123-456789abcdef";

/** A server that answers each request with `answer`, and the list of the requests. */
function serverThat(answer: () => Response, base = "http://cells.test/") {
  const requests: Request[] = [];
  const server = new Server({
    fetch: async (input, init) => {
      requests.push(new Request(input, init));
      return answer();
    },
    base,
    cellSession: "tab",
  });
  return { server, requests };
}

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const never = new AbortController().signal;
const nobody = () => {
  throw new Error("nothing was said of a queue");
};

test.each([
  ["a header", json({ error: "too_many_x", message: "No." }, 429), { "Retry-After": "7" }, 7],
  ["the last line", json({ error: "too_many_x", message: "No.", retry_after: 3 }), {}, 3],
  ["none", json({ error: "too_many_x", message: "No." }, 429), {}, null],
  ["no number", json({ error: "too_many_x", message: "No." }, 429), { "Retry-After": "-1" }, null],
  [
    "another refusal",
    json({ error: "draining", message: "No." }, 503),
    { "Retry-After": "9" },
    null,
  ],
])("when to ask again, by %s", async (_name, response, headers, expected) => {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  const { server } = serverThat(() => response);
  await expect(server.startKernel(never, nobody)).rejects.toMatchObject({ retryAfter: expected });
});

test("how many kernels the page may have is what the server said last", async () => {
  const answers = ["3", null, "0", "-1"].map((most) => {
    const response = json({ error: "too_many_x", message: "No." }, 429);
    if (most !== null) response.headers.set("Kernels-Per-Cell-Session", most);
    return response;
  });
  const { server } = serverThat(() => answers.shift()!);
  expect(server.kernelsPerPage).toBe(5);
  for (const expected of [3, 3, 0, 0]) {
    await expect(server.startKernel(never, nobody)).rejects.toThrow("No.");
    expect(server.kernelsPerPage).toBe(expected);
  }
});

test("the languages of the server are asked for once", async () => {
  const { server, requests } = serverThat(() => json({ languages: ["python", "gp", 7] }));
  expect(await server.languages()).toEqual(["python", "gp"]);
  expect(await server.languages()).toEqual(["python", "gp"]);
  expect(requests.map(({ url }) => url)).toEqual(["http://cells.test/status.json"]);
});

test.each([
  ["a server that is away", new Response("", { status: 502 })],
  ["a server that does not know yet", json({ languages: [] })],
  ["an older server", json({ version: "1" })],
  ["a proxy that hides it", new Response("No.", { status: 403 })],
])("nothing is known of the languages of %s", async (_name, answer) => {
  const { server } = serverThat(() => answer);
  expect(await server.languages()).toEqual([]);
});

// contract: 7.7
test("complete sends one request without preflight, and returns the reply's content", async () => {
  const content = { status: "ok", matches: ["print"] };
  const { server, requests } = serverThat(() => json({ msg_type: "complete_reply", content }));
  const by = { msgId: "c1", session: "", date: new Date(0) };
  const question = shellRequest("complete_request", { code: "pri", mode: "sage" }, by);
  expect(await server.complete(question)).toEqual(content);
  expect([requests[0]!.method, requests[0]!.url]).toEqual(["POST", "http://cells.test/complete"]);
  expect(requests[0]!.headers.get("Content-Type")).toMatch(/^text\/plain/);
  expect(await requests[0]!.json()).toEqual(question);
  const full = serverThat(() => json({ error: "too_many_completions", message: "Too many." }, 429));
  await expect(full.server.complete(question)).rejects.toThrow("Too many.");
});

describe("startKernel", () => {
  test("requests a kernel that ends with its program", async () => {
    const { server, requests } = serverThat(() => json({ ws_url: "ws://cells.test/", id: ID }));
    expect(await server.startKernel(never, nobody)).toEqual({
      id: ID,
      channels: `ws://cells.test/kernel/${ID}/channels`,
    });
    expect(requests[0]?.method).toBe("POST");
    expect(requests[0]?.headers.get("Accept")).toBe("application/x-ndjson");
    expect(requests[0]?.url).toBe(
      "http://cells.test/kernel?CellSessionID=tab&timeout=0&accepted_tos=true",
    );
  });

  test.each([
    [
      "the host of a proxy's inside",
      "http://cells.test/",
      "ws://10.0.0.7:8888/",
      "ws://cells.test",
    ],
    ["the scheme behind TLS", "https://cells.test/", "ws://cells.test/", "wss://cells.test"],
    ["a port", "http://cells.test:81/", "ws://cells.test/", "ws://cells.test:81"],
    ["a path prefix", "https://cells.test/a/", "ws://x/a/", "wss://cells.test/a"],
    ["no address at all", "https://cells.test/a/", "", "wss://cells.test/a"],
  ])("uses the page's own host: %s", async (_name, base, named, expected) => {
    const { server } = serverThat(() => json({ ws_url: named, id: ID }), base);
    expect((await server.startKernel(never, nobody)).channels).toBe(
      `${expected}/kernel/${ID}/channels`,
    );
  });

  test.each([
    ["the server's own sentence", json({ error: "busy", message: "Too many." }, 429), "Too many."],
    ["the status of a proxy", new Response("<h1>No</h1>", { status: 403 }), "(HTTP 403)"],
    ["no JSON", new Response("hello"), "is malformed"],
    ["no id", json({ ws_url: "ws://cells.test/" }), "contains no id"],
    ["a hostile id", json({ id: "../../../../../../../../etc/passwd/xxxx" }), "contains no id"],
  ])("refuses with a sentence: %s", async (_name, response, sentence) => {
    const { server } = serverThat(() => response);
    const refusal = await server.startKernel(never, nobody).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).message).toContain(sentence);
  });

  test.each<[string, () => Response]>([
    [
      "no answer",
      () => {
        throw new TypeError("network");
      },
    ],
    ["a proxy's page", () => new Response("<html>Bad Gateway</html>", { status: 502 })],
    ["a shutdown", () => json({ error: "draining", message: "Going." }, 503)],
    ["a start", () => json({ error: "loading", message: "Coming." }, 503)],
  ])("tells that the server is away: %s", async (_name, answer) => {
    const { server } = serverThat(answer);
    await expect(server.startKernel(never, nobody)).rejects.toBeInstanceOf(Away);
  });
});

describe("startKernel in the queue", () => {
  /** A response whose body arrives in pieces. */
  const lines = (...pieces: string[]) => {
    const waiting = [...pieces];
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const piece = waiting.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
    return new Response(body, { headers: { "Content-Type": "application/x-ndjson" } });
  };
  const kernel = JSON.stringify({ ws_url: "ws://cells.test/", id: ID });

  test.each([
    [
      "line by line",
      ['{"queued":{"position":2,"seconds":9}}\n', '{"queued":{"position":1}}\n', `${kernel}\n`],
    ],
    [
      "all at once",
      [`{"queued":{"position":2,"seconds":9}}\n{"queued":{"position":1}}\n${kernel}\n`],
    ],
    [
      "in crumbs",
      Array.from(`{"queued":{"position":2,"seconds":9}}\n{"queued":{"position":1}}\n${kernel}`),
    ],
  ])("reports each place and returns the kernel: %s", async (_name, pieces) => {
    const { server } = serverThat(() => lines(...pieces));
    const places: unknown[] = [];
    const { id } = await server.startKernel(never, (place) => places.push(place));
    expect(id).toBe(ID);
    expect(places).toEqual([
      { position: 2, seconds: 9 },
      { position: 1, seconds: null },
    ]);
  });

  test.each([
    [
      "the server's sentence",
      '{"error":"draining","message":"Going.","retry_after":10}\n',
      "Going.",
    ],
    ["an answer cut short", "", "is malformed"],
    ["no line of ours", '{"queued":7}\n', "contains no id"],
  ])("refuses with a sentence: %s", async (_name, last, sentence) => {
    const { server } = serverThat(() => lines('{"queued":{"position":1}}\n', last));
    await expect(server.startKernel(never, () => undefined)).rejects.toThrow(sentence);
  });

  test("a lost connection is a refusal", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new TypeError()) });
    const headers = { "Content-Type": "application/x-ndjson" };
    const { server } = serverThat(() => new Response(body, { headers }));
    await expect(server.startKernel(never, nobody)).rejects.toThrow("cannot be reached");
  });
});

test("endKernel sends DELETE, and ignores failures", async () => {
  const { server, requests } = serverThat(() => {
    throw new TypeError("network");
  });
  await server.endKernel(ID);
  expect(requests[0]?.method).toBe("DELETE");
  expect(requests[0]?.url).toBe(`http://cells.test/kernel/${ID}`);
});

test("keepPermalink sends the id as a form", async () => {
  const { server, requests } = serverThat(() => json({ zip: "eJw", query: "a&b", interacts: "" }));
  expect(await server.keepPermalink("a&b")).toMatchObject({ query: "a&b" });
  expect(requests[0]?.method).toBe("POST");
  expect(requests[0]?.url).toBe("http://cells.test/permalink");
  expect(await requests[0]!.text()).toBe("q=a%26b");
});

test("keep sends the program as a form", async () => {
  const { server, requests } = serverThat(() => json({ zip: "eJw", query: "q1", interacts: "" }));
  const code = "print('ä & b')\n";
  const program = { code, language: "r", interacts: '[{"state":{}}]' };
  expect(await server.keep(program)).toEqual({ zip: "eJw", query: "q1", interacts: "" });
  const form = new URLSearchParams(await requests[0]!.text());
  expect(Object.fromEntries(form)).toEqual(program);
});

test("startKernel sends its parameters", async () => {
  const { server, requests } = serverThat(() => json({ ws_url: "ws://x/", id: ID }));
  await server.startKernel(new AbortController().signal, () => undefined, {
    timeout: "inf",
    acceptedTerms: false,
  });
  const query = new URL(requests[0]!.url).searchParams;
  expect([query.get("timeout"), query.get("accepted_tos")]).toEqual(["inf", "false"]);
});

test("a refusal has the status and the error code", async () => {
  const body = '{"error": "terms_not_accepted", "message": "Read this first."}';
  const { server } = serverThat(() => new Response(body, { status: 403 }));
  const refused = server.keep({ code: "", language: "", interacts: "" });
  await expect(refused).rejects.toMatchObject({ status: 403, word: "terms_not_accepted" });
});

test("terms are HTML or null", async () => {
  let status = 200;
  const answer = () => new Response(status === 204 ? null : "<p>Be kind.</p>", { status });
  const { server, requests } = serverThat(answer);
  expect(await server.terms()).toBe("<p>Be kind.</p>");
  expect(requests[0]).toMatchObject({ method: "POST", url: "http://cells.test/tos.html" });
  for (status of [204, 404]) expect(await server.terms()).toBeNull();
});
