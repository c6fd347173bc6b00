/** What the browser's side is built to. */

import { join } from "node:path";

import { build, type Rolldown } from "vite";

export type Output = Rolldown.RolldownOutput["output"][number];

/** What the build of a configuration makes, without writing it. */
export async function built(configFile: string): Promise<Output[]> {
  const made = await build({
    configFile: join(import.meta.dirname, "..", configFile),
    root: join(import.meta.dirname, ".."),
    logLevel: "silent",
    build: { write: false },
  });
  return [made].flat().flatMap((each) => ("output" in each ? each.output : []));
}
