import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";

const root = path.join(import.meta.dirname, "../..");
// Here the packages are found, as they are from the sources.
const cache = path.join(root, "node_modules/.cache/langchain-redis-sessions");

const built = new Map<string, string>();

/**
 * A program of this repository as one file of JavaScript, which starts in a third of the time that it takes through tsx.
 *
 * @param source its file, absolute or from the root of the repository.
 * @param folder what `import.meta.dirname` is in it.
 */
export function builtProgram(source: string, folder = path.dirname(source)): string {
  const known = built.get(source);
  if (known !== undefined) return known;
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [source],
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    keepNames: true,
    define: { "import.meta.dirname": JSON.stringify(path.resolve(root, folder)) },
    logLevel: "error",
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const hash = createHash("sha256").update(code).digest("hex").slice(0, 16);
  const file = path.join(cache, `${path.basename(source, ".ts")}-${hash}.mjs`);
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    // Another worker may run the file that it has just written: it is there whole, or not at all.
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, code);
    renameSync(draft, file);
  }
  built.set(source, file);
  return file;
}
