import { expect, test } from "vitest";

test("the links to the page's next modules become requests", async () => {
  document.head.innerHTML = '<link data-next href="a.js" /><link rel="icon" href="b.svg" />';
  await import("../src/next");
  const links = document.head.querySelectorAll("link");
  expect(Array.from(links, ({ rel }) => rel)).toEqual(["modulepreload", "icon"]);
});
