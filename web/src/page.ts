/** The page's beginning: reads what the server wrote into it and joins the browser to the cell. */

import { Cell } from "./cell";
import { browserClock, randomId } from "./clock";
import { createEditor } from "./editor";
import { parseObject, textAt } from "./messages";
import { Server } from "./server";
import { copyField } from "./share";
import { Transport } from "./transport";
import "./style.css";

/** One name for all kernels of this tab, as long as the tab is open. */
function cellSession(): string {
  const key = "sagecell.CellSessionID";
  try {
    const known = sessionStorage.getItem(key);
    if (known !== null) return known;
    const fresh = randomId();
    sessionStorage.setItem(key, fresh);
    return fresh;
  } catch {
    return randomId(); // A browser may forbid storage.
  }
}

function start(): void {
  const element = document.getElementById("cell");
  if (element === null) return;
  const page = parseObject(document.getElementById("sagecell-page")?.textContent ?? "") ?? {};
  const code = textAt(page, "code");
  const cell = new Cell({
    element,
    code,
    server: new Server({
      fetch,
      base: new URL(".", location.href).href,
      cellSession: cellSession(),
    }),
    openSocket: (address) =>
      new Transport({
        address,
        openSocket: (numbered) => new WebSocket(numbered),
        fetch: (input, init) => fetch(input, init),
        clock: browserClock,
      }),
    clock: browserClock,
    newId: randomId,
    createEditor,
    copy: copyField,
    nextFrame: (act) => requestAnimationFrame(act),
  });
  if (code !== "" && page["autoeval"] === true) cell.evaluate();
  // On a touch screen, focus would bring up a keyboard that hides half of the page.
  else if (!matchMedia("(pointer: coarse)").matches) cell.focus();
}

start();
