/**
 * Uses the REST interface of a server through \@jupyterlab/services, unmodified, and prints what it
 * saw as JSON. Arguments: the server's URL, and a token or "".
 */

import { createRequire } from "node:module";

// The package's modules are CommonJS for Node.
const { KernelAPI, KernelSpecAPI, ServerConnection, SessionAPI } = createRequire(import.meta.url)(
  "@jupyterlab/services",
);

const [url, token] = process.argv.slice(2);
const settings = ServerConnection.makeSettings({ baseUrl: url, token, appendToken: true });

/** The status and the message of a refusal, as the package sees it. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return [error.response?.status, error.message];
  }
  return null;
}

const specs = await KernelSpecAPI.getSpecs(settings);
const kernel = await KernelAPI.startNew({ name: specs.default }, settings);
const model = await KernelAPI.getKernelModel(kernel.id, settings);
const running = await KernelAPI.listRunning(settings);
await KernelAPI.interruptKernel(kernel.id, settings);
await KernelAPI.shutdownKernel(kernel.id, settings);
const gone = await KernelAPI.getKernelModel(kernel.id, settings);

const wanted = { path: "a.ipynb", name: "a", type: "notebook", kernel: { name: "python3" } };
const first = await SessionAPI.startSession(wanted, settings);
const second = await SessionAPI.startSession(wanted, settings);
const renamed = await SessionAPI.updateSession({ id: first.id, path: "b.ipynb" }, settings);
const sessions = await SessionAPI.listRunning(settings);
const unknown = await refusal(SessionAPI.getSessionModel("0-0-0-0-0", settings));
await SessionAPI.shutdownSession(first.id, settings);
if (second.id !== first.id) await SessionAPI.shutdownSession(second.id, settings);
await SessionAPI.shutdownSession(first.id, settings);

const cobol = await refusal(KernelAPI.startNew({ name: "cobol" }, settings));

console.log(
  JSON.stringify({
    default: specs.default,
    names: Object.keys(specs.kernelspecs),
    started: kernel.id === model.id,
    listed: running.map((each) => each.id === kernel.id),
    gone: gone === undefined,
    isSame: first.id === second.id,
    path: renamed.path,
    sessions: sessions.length,
    unknown,
    cobol,
  }),
);
