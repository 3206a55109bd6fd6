// `npm run build`: what npm publishes, in dist. Each entry is one file, and what entries share is in a few more: a program
// that starts loads ten files instead of over a hundred (docs/benchmark.md, "A cold start"). The types are one file each.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = import.meta.dirname;
const out = path.join(root, "dist");

const entries = [
  "index.ts",
  "cli/main.ts",
  ...readdirSync(path.join(root, "src")).map((folder) => `${folder}/index.ts`),
];

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: entries.map((entry) => `src/${entry}`).filter((entry) => existsSync(path.join(root, entry))),
  outbase: "src",
  outdir: "dist",
  bundle: true,
  // A third less to read at each start. Names stay, for whoever reads a stack without source maps.
  minifyWhitespace: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
});
const tsc = ["tsc", "-p", "src", "--emitDeclarationOnly", "--listEmittedFiles"];
const { status, stdout: types } = spawnSync("npx", tsc, { cwd: root, encoding: "utf8" });
if (status !== 0) {
  console.error(types.replaceAll(/^TSFILE: .*\n/gm, ""));
  process.exit(1);
}

// What an earlier build left, and this one has not written. Two builds at once write the same files.
const written = new Set([
  ...Object.keys(metafile.outputs).map((file) => path.join(root, file)),
  ...[...types.matchAll(/^TSFILE: (.+)$/gm)].map(([, file = ""]) => path.resolve(root, file)),
]);
for (const file of readdirSync(out, { recursive: true, withFileTypes: true })) {
  const name = path.join(file.parentPath, file.name);
  if (file.isFile() && !written.has(name)) rmSync(name);
}
