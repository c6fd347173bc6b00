import { afterEach, expect, test } from "vitest";

import { Account, MOST_IN_OUTPUT, accountAround } from "../../../src/output/math/account";

afterEach(() => document.body.replaceChildren());

test("each output has its own account, and so has what is in none", () => {
  document.body.innerHTML = `<div class="sagecell_sessionOutput"><b><i></i></b></div><u></u>`;
  const account = (name: string) => accountAround(document.querySelector(name)!);
  expect(account("i")).toBe(account("b"));
  expect(account("u")).not.toBe(account("b"));
  expect(accountAround(document.createElement("p"))).not.toBe(account("u"));
});

test("an output within an output, such as an interact's or one that a program imitates, adds to its account", () => {
  const output = (inner: string) => `<div class="sagecell_sessionOutput">${inner}</div>`;
  document.body.innerHTML = output(`<b></b>${output("<i></i>")}${output("<u></u>")}`);
  const [outer, ...inner] = ["b", "i", "u"].map((name) =>
    accountAround(document.querySelector(name)!),
  );
  expect(inner.map((account) => account === outer)).toEqual([true, true]);
});

test("what is not on the page has one account, until it is shown", () => {
  const [one, other] = ["b", "i"].map((name) => document.createElement(name));
  const unshown = accountAround(one!);
  expect(accountAround(other!)).toBe(unshown);
  unshown.add(one!, 5);
  unshown.add(other!, MOST_IN_OUTPUT);
  unshown.reclaim();
  expect(unshown.isUsedUp).toBe(true);
  document.body.append(other!);
  unshown.reclaim();
  expect([unshown.isUsedUp, accountAround(other!).isUsedUp]).toEqual([false, true]);
});

test("formulas that are no longer shown make room", () => {
  const account = new Account();
  const [one, two] = [document.createElement("i"), document.createElement("i")];
  document.body.append(one, two);
  account.add(one, MOST_IN_OUTPUT - 1);
  expect(account.isUsedUp).toBe(false);
  account.add(two, 1);
  account.isTold = true;
  account.reclaim();
  expect([account.isUsedUp, account.isTold]).toEqual([true, true]);
  two.remove();
  account.reclaim();
  expect([account.isUsedUp, account.isTold]).toEqual([false, false]);
});
