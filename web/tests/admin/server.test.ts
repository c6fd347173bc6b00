import { expect, test, vi } from "vitest";

import { AdminFailure, type AdminFetch, AdminServer } from "../../src/admin/server";
import { overviewText } from "./overviews";

function server(...answers: Response[]) {
  const asked = vi.fn<AdminFetch>(async () => {
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return answer;
  });
  return { server: new AdminServer(asked), asked };
}

test("changes repeat the secret of the last overview", async () => {
  const { server: made, asked } = server(
    new Response(overviewText()),
    ...[1, 2, 3].map(() => new Response(null, { status: 204 })),
  );
  expect((await made.overview()).version).toBe("1.2");
  await made.stop("a/b");
  await made.drain();
  await made.logOut();
  expect(asked.mock.calls.map(([path, { method }]) => `${method!} ${path}`)).toEqual([
    "GET /admin/status.json",
    "POST /admin/sessions/a%2Fb/stop",
    "POST /admin/drain",
    "POST /admin/logout",
  ]);
  const { headers } = asked.mock.calls[1]![1];
  expect(headers).toMatchObject({ "X-CSRF-Token": "hush" });
});

test("the token is in the body of a form", async () => {
  const { server: made, asked } = server(new Response(null, { status: 204 }));
  await made.logIn("a b&c");
  expect((asked.mock.calls[0]![1].body as URLSearchParams).get("token")).toBe("a b&c");
});

test("a refusal, an answer that is none, and no answer", async () => {
  const refusal = '{"error": "wrong_token", "message": "This is not the token."}';
  const { server: made } = server(
    new Response(refusal, { status: 401 }),
    new Response("<html>", { status: 502 }),
    new Response("[]"),
  );
  const failures: AdminFailure[] = [];
  for (let count = 0; count < 4; count += 1) {
    await made.overview().catch((error: unknown) => failures.push(error as AdminFailure));
  }
  expect(failures.map(({ status, message }) => [status, message])).toEqual([
    [401, "This is not the token."],
    [502, "The server answered 502."],
    [200, "The answer is not JSON."],
    [0, "The server does not answer."],
  ]);
});
