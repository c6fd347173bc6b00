import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { AdminPage } from "../../src/admin/page";
import { AdminServer } from "../../src/admin/server";
import html from "../../admin.html?raw";
import { FakeClock } from "../fakes";
import { overviewText } from "./overviews";

/** A server that the test tells what to answer. */
class Fake {
  readonly asked: string[] = [];
  isLoggedIn = false;
  isDown = false;
  overview = overviewText();

  readonly fetch = async (path: string, init: RequestInit): Promise<Response> => {
    this.asked.push(`${init.method!} ${path}`);
    if (this.isDown) throw new TypeError("Failed to fetch");
    if (path === "/admin/login") {
      this.isLoggedIn = (init.body as URLSearchParams).get("token") === "right";
      return this.isLoggedIn ? empty() : refusal(401, "This is not the token.");
    }
    if (!this.isLoggedIn) return refusal(401, "This needs the token.");
    if (path === "/admin/status.json") return new Response(this.overview);
    if (path === "/admin/logout") this.isLoggedIn = false;
    return empty();
  };
}

function empty(): Response {
  return new Response(null, { status: 204 });
}

function refusal(status: number, message: string): Response {
  return new Response(JSON.stringify({ error: "word", message }), { status });
}

let server: Fake;
let clock: FakeClock;
const confirm = vi.fn(() => true);

let page: AdminPage | undefined;
beforeEach(() => {
  document.body.innerHTML = new DOMParser().parseFromString(html, "text/html").body.innerHTML;
  [server, clock] = [new Fake(), new FakeClock()];
  confirm.mockReset().mockReturnValue(true);
});

// The document is that of all tests.
afterEach(() => page?.end());

const one = (selector: string) => document.querySelector<HTMLElement>(selector)!;
/** The field for the token. */
const field = () => document.querySelector<HTMLInputElement>("#token")!;

/** Lets all that was asked be answered. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

async function start(isLoggedIn: boolean): Promise<void> {
  server.isLoggedIn = isLoggedIn;
  const asks = new AdminServer(server.fetch);
  page = new AdminPage({ document, server: asks, clock, confirm });
  page.start();
  await settle();
}

async function submit(token: string): Promise<void> {
  field().value = token;
  one("#login").dispatchEvent(new Event("submit", { cancelable: true }));
  await settle();
}

test("it asks for the token, and again for a wrong one", async () => {
  await start(false);
  expect([one("#login").hidden, one("#overview").hidden, one("#actions").hidden]).toEqual([
    false,
    true,
    true,
  ]);
  expect(document.activeElement).toBe(one("#token"));
  expect(clock.pending).toBe(0);
  await submit("wrong");
  expect(one("#refused").textContent).toBe("This is not the token.");
  await submit("right");
  expect(one("#refused").textContent).toBe("");
  expect(field().value).toBe("");
  expect([one("#login").hidden, one("#overview").hidden]).toEqual([true, false]);
});

test("it is brought up to date every two seconds, unless nobody sees it", async () => {
  await start(true);
  expect(server.asked).toHaveLength(1);
  clock.advance(2);
  await settle();
  expect(server.asked).toHaveLength(2);
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  clock.advance(2);
  await settle();
  expect([server.asked.length, clock.pending]).toEqual([2, 0]);
  hidden.mockReturnValue(false);
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  expect([server.asked.length, clock.pending]).toEqual([3, 1]);
});

test("a server that does not answer is asked again", async () => {
  await start(true);
  server.isDown = true;
  clock.advance(2);
  await settle();
  expect(one("#state").textContent).toBe("The server does not answer.");
  expect(one("#overview").hidden).toBe(false);
  server.isDown = false;
  clock.advance(2);
  await settle();
  expect(one("#state").textContent).toBe("");
});

test("a session is stopped when the operator says so twice", async () => {
  await start(true);
  confirm.mockReturnValueOnce(false);
  one("#overview button").click();
  await settle();
  expect(server.asked).toHaveLength(1);
  one("#overview button").click();
  await settle();
  expect(confirm).toHaveBeenLastCalledWith(expect.stringContaining("4e8f9ac5-..."));
  expect(server.asked.slice(1)).toEqual(["POST /admin/sessions/h1/stop", "GET /admin/status.json"]);
});

test("draining", async () => {
  await start(true);
  const drain = document.querySelector<HTMLButtonElement>("#actions button")!;
  server.overview = overviewText({ status: { draining: { seconds_left: 300 } } });
  drain.click();
  await settle();
  expect(server.asked[1]).toBe("POST /admin/drain");
  expect(drain.disabled).toBe(true);
  expect(one("#state").textContent).toContain("ends in 5 min at the latest");
  server.overview = overviewText({ can_drain: false });
  clock.advance(2);
  await settle();
  expect(drain.hidden).toBe(true);
});

test("logging out leads back to the token", async () => {
  await start(true);
  document.querySelectorAll<HTMLElement>("#actions button")[1]!.click();
  await settle();
  expect([one("#login").hidden, one("#overview").hidden]).toEqual([false, true]);
  expect(clock.pending).toBe(0);
});
