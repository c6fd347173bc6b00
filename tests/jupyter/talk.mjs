/**
 * Talks with a kernel through \@jupyterlab/services in Node, and prints what it saw as JSON. Argument: the server's URL.
 */

import { createRequire } from "node:module";

import { talk } from "./talking.mjs";

// The package's modules are CommonJS for Node.
const require = createRequire(import.meta.url);
const services = require("@jupyterlab/services");
const NodeSocket = require("ws");

const [url] = process.argv.slice(2);
const sockets = [];

/** Each WebSocket that the package opens, so that it can be cut. */
class Socket extends NodeSocket {
  constructor(...given) {
    super(...given);
    sockets.push(this);
  }
}

const quiet = () => {};
console.debug = console.warn = quiet;
// The package leaves the request of a reconnection alone when a restart cancels it.
process.on("unhandledRejection", quiet);
const settings = services.ServerConnection.makeSettings({ baseUrl: url, WebSocket: Socket });
const breakOff = (socket) => socket.terminate();
console.log(JSON.stringify(await talk({ services, settings, sockets, breakOff })));
process.exit(0);
