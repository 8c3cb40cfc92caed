/** A plugin that names every package in a bundle and its licence. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Package {
  name: string;
  version: string;
  license: string;
}

export function packagesOf(ids: string[]): string[] {
  const names = ids.map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]).filter((n): n is string => Boolean(n));
  return [...new Set(names)].sort();
}

function text(name: string): string {
  const folder = join("node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Package;
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].find((each) => existsSync(join(folder, each)));
  if (!file) throw new Error(`${name}: no licence file`);
  return `${about.name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

export function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      const ids = Object.values(bundle).flatMap((chunk) => (chunk.type === "chunk" ? Object.keys(chunk.modules) : []));
      const parts = packagesOf(ids).map(text);
      const head = "The page and the report of phonodos hold the following software.\n";
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: [head, ...parts].join(`\n${"-".repeat(72)}\n\n`) });
    },
  };
}
