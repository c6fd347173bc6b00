/** The page in the frame of an output: it shows the output that the page around it sends. */

import { note } from "./dom/elements";
import {
  type FrameBeginning,
  type FrameReport,
  decodeGreeting,
  decodeOrder,
  isWebAddress,
} from "./protocol/frames";
import { HeightWatch } from "./output/frame/height";
import { FramedOutput } from "./output/frame/inside";
import { catchLinks } from "./output/frame/links";
import { watchTroubles } from "./output/frame/troubles";
import { catchWrites } from "./output/scripts/writes";
import { TOO_LONG, postable } from "./protocol/widgets/orders";
import { LazyWidgets } from "./widgets/lazy";
import "./styles/frame.css";

const UNFOLLOWED =
  "A link was not followed: output that runs scripts may lead to web pages, and not save files.";

/** Begins to show output; `port` leads to the page around. */
function start(beginning: FrameBeginning, port: MessagePort): void {
  // The port's own method, which no script of the output has replaced yet.
  const post = port.postMessage.bind(port);
  const report = (told: FrameReport) => post(told);
  const { body } = document;
  const base = document.createElement("base");
  base.href = beginning.files;
  base.target = "_blank"; // The sandbox blocks links that are not caught below.
  document.head.append(base);
  const widgets: LazyWidgets = new LazyWidgets({
    connect: () => report({ kind: "widgets" }),
    send: (event) => {
      const posted = postable(event);
      const refusal = { kind: "refused", sent: event.sent, sentence: TOO_LONG } as const;
      if (posted !== null) report({ kind: "event", event: posted });
      // The model counts an event only after it was sent.
      else queueMicrotask(() => widgets.handle(refusal));
    },
    showing: () => output.showing,
  });
  const output: FramedOutput = new FramedOutput(beginning, (data) => widgets.element(data));
  body.append(output.element);
  let orders = 0;
  const height = new HeightWatch({
    body,
    nextFrame: (act) => requestAnimationFrame(act),
    tell: (pixels) => report({ kind: "height", pixels, orders }),
  });
  const tell = watchTroubles(window, (sentence) => output.append(note(sentence)));
  catchLinks(body, (address) => {
    if (isWebAddress(address)) report({ kind: "link", address });
    else tell(UNFOLLOWED);
  });
  catchWrites((html) => output.write(html));
  port.onmessage = ({ data }) => {
    const order = decodeOrder(data);
    orders += 1;
    if (order?.kind === "widgets") widgets.handle(order.order);
    else if (order !== null) {
      output.handle(order);
      widgets.sweep();
    }
    height.look();
  };
  window.addEventListener("pagehide", ({ persisted }) => {
    // Otherwise the page around it is left as well, and both may come back.
    if (!persisted) report({ kind: "left" });
  });
  report({ kind: "ready" });
}

function greeted(event: MessageEvent): void {
  const beginning = event.source === window.parent ? decodeGreeting(event.data) : null;
  const [port] = event.ports;
  if (beginning === null || port === undefined) return;
  window.removeEventListener("message", greeted);
  start(beginning, port);
}

// Any page can send the greeting and so run scripts: without an opaque origin, this does nothing.
if (window.origin === "null" && window.parent !== window) {
  window.addEventListener("message", greeted);
}
