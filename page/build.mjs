// Bundles the page into files that are named by their content, so that browsers may keep them for ever.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { build } from "esbuild";

const TARGET = "../vidctl/http/pages/built";

await rm(TARGET, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { page: "src/page.tsx", style: "src/style.css", icon: "src/icon.svg" },
  outdir: `${TARGET}/assets`,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true, // the player's library comes only when something is played
  format: "esm",
  target: "es2022",
  minify: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".svg": "copy" },
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

const built = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
const addresses = Object.fromEntries(
  built.map(([path, output]) => [basename(output.entryPoint), `assets/${basename(path)}`]),
);
const html = await readFile("src/index.html", "utf-8");
await mkdir(TARGET, { recursive: true });
await writeFile(
  `${TARGET}/index.html`,
  html.replace(/\{\{(.+?)\}\}/g, (_, name) => addresses[name] ?? fail(name)),
);

function fail(name) {
  throw new Error(`index.html names ${name}, which was not built`);
}
