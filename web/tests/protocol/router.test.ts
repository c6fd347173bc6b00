import { expect, test } from "vitest";

import { type MessageHandler, route } from "../../src/protocol/router";
import { heard } from "../fakes";

test("the first that takes a message has it, and nobody after it is asked", () => {
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
