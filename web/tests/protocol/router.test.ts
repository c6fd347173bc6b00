import { expect, test } from "vitest";

import { type MessageHandler, route } from "../../src/protocol/router";
import { heard } from "../fakes";

test("the first handler that accepts a message is the last to be called", () => {
  const asked: string[] = [];
  const handler = (name: string, type: string): MessageHandler => ({
    handle: (message) => {
      asked.push(name);
      return message.type === type;
    },
  });
  const handlers = [handler("one", "stream"), handler("two", "error"), handler("three", "error")];
  expect(route(heard("error", {}), handlers)).toBe(true);
  expect(asked).toEqual(["one", "two"]);
  expect(route(heard("status", {}), handlers)).toBe(false);
});
