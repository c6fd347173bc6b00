/** Builds of the browser's side, in memory. */

import { join } from "node:path";

import { build, type Rolldown } from "vite";

/** A file of a build. */
export type Output = Rolldown.RolldownOutput["output"][number];

/** The files of the build with a configuration, which are not written. */
export async function built(configFile: string): Promise<Output[]> {
  const made = await build({
    configFile: join(import.meta.dirname, "..", configFile),
    root: join(import.meta.dirname, ".."),
    logLevel: "silent",
    build: { write: false },
  });
  return [made].flat().flatMap((each) => ("output" in each ? each.output : []));
}
