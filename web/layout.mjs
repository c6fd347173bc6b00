/** `npm run layout`: lists the modules of each room; fails if a room has too many. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";

/** Modules in a room at most, without those of its subfolders. */
const MOST = 12;

/** Rooms that may have more, with the reason. */
const EXCEPTIONS = new Map();

const ROOT = import.meta.dirname;

/** The paths of all files below a folder, relative to web/. */
function files(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

function lines(file) {
  return readFileSync(join(ROOT, file), "utf8").split("\n").length - 1;
}

/** Whether a test (room/name.test.ts or room/name.case.test.ts) has a module room/name. */
function hasModule(test) {
  const place = relative("tests", dirname(test));
  const [name] = basename(test).split(".");
  return [`src/${place}/${name}.ts`, `src/${place}/${name}.css`, `${place}/${name}.ts`].some(
    (module) => existsSync(join(ROOT, module)),
  );
}

const rooms = new Map();
for (const file of files("src")) {
  rooms.set(dirname(file), [...(rooms.get(dirname(file)) ?? []), file]);
}

let failures = 0;
for (const [room, modules] of [...rooms].sort()) {
  const sizes = modules.map((file) => [basename(file, extname(file)), lines(file)]);
  const total = sizes.reduce((sum, [, count]) => sum + count, 0);
  console.log(`web/${room}: ${modules.length} modules, ${total} lines`);
  console.log(`    ${sizes.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  if (modules.length <= MOST) continue;
  const reason = EXCEPTIONS.get(room);
  console.log(`    more than ${MOST}: ${reason ?? "split the room, or add it to EXCEPTIONS"}`);
  if (reason === undefined) failures += 1;
}
for (const test of files("tests").filter((file) => file.endsWith(".test.ts"))) {
  if (hasModule(test)) continue;
  console.log(`web/${test}: no module has this name`);
  failures += 1;
}
process.exitCode = failures > 0 ? 1 : 0;
