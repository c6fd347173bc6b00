/**
 * What a page loads to talk with a kernel through \@jupyterlab/services. It defines `talkWith(url, cutter)`: the server's
 * URL, and that of the page's own server at which POST cuts the WebSockets. It returns what was seen.
 */

import * as services from "@jupyterlab/services";

import { talk } from "./talking.mjs";

const sockets = [];

/** Each WebSocket that the package opens, so that it can be seen when there is another one. */
class Socket extends WebSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
}

window.talkWith = (url, cutter) => {
  const settings = services.ServerConnection.makeSettings({ baseUrl: url, WebSocket: Socket });
  // A page cannot end a WebSocket without a closing handshake.
  const breakOff = () => fetch(cutter, { method: "POST" });
  return talk({ services, settings, sockets, breakOff });
};
