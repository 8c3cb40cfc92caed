// Writes build.json: which sources were built, and what came of them. A test holds both.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

const OUT = "../src/phonodos/service/static";
const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const files = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((each) => each.isFile())
    .map((each) => relative(folder, join(each.parentPath, each.name)).split(sep).join("/"))
    .filter((name) => !name.startsWith("node_modules/"))
    .sort();

const whole = createHash("sha256");
for (const name of files(".")) whole.update(`${name}\0${sha(readFileSync(name))}\n`);
const assets = Object.fromEntries(
  files(OUT).filter((name) => name !== "build.json").map((name) => [name, sha(readFileSync(join(OUT, name)))]),
);
writeFileSync(join(OUT, "build.json"), `${JSON.stringify({ sources: whole.digest("hex"), assets }, null, 1)}\n`);
