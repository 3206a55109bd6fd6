import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { buildSync } from "esbuild";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const compressors = { br: promisify(brotliCompress), gzip: promisify(gzip) };
export type Encoding = keyof typeof compressors;

/** A file in memory. It is compressed when it is first asked for, and once. */
export class PageFile {
  readonly type: string;
  readonly content: Buffer<ArrayBuffer>;
  readonly #compressed = new Map<Encoding, Promise<Buffer<ArrayBuffer>>>();

  constructor(name: string, content: Buffer<ArrayBuffer>) {
    const type = types[path.extname(name)];
    if (type === undefined) throw new Error(`${name}: add its media type to page-files.ts`);
    this.type = type;
    this.content = content;
  }

  in(encoding: Encoding | undefined): Promise<Buffer<ArrayBuffer>> {
    if (encoding === undefined) return Promise.resolve(this.content);
    let compressed = this.#compressed.get(encoding);
    if (compressed === undefined) {
      compressed = compressors[encoding](this.content);
      this.#compressed.set(encoding, compressed);
    }
    return compressed;
  }
}

/**
 * The page as it is when the service starts. The version, a hash of all files, is part of their addresses, so a browser
 * may keep each for good; only the document is asked for again.
 */
export class PageFiles {
  readonly version: string;
  readonly document: PageFile;
  /** Sources for the content security policy: the style that stands in the document itself. */
  readonly inlineStyles: readonly string[];
  readonly #files: ReadonlyMap<string, PageFile>;

  constructor(folder: string) {
    const names = readdirSync(folder).filter((name) => !name.endsWith(".js"));
    const scripts = bundled(folder);
    const files = new Map([
      ...names.map((name) => [name, new PageFile(name, readFileSync(path.join(folder, name)))] as const),
      ...scripts.files,
    ]);
    const document = files.get("index.html");
    if (document === undefined) throw new Error(`${folder} has no index.html`);
    files.delete("index.html");
    this.#files = files;
    this.version = hashOf([...files].flatMap(([name, { content }]) => [name, content])).slice(0, 16);
    const html = document.content
      .toString()
      .replace("<!-- modules -->", scripts.firstImports.map(preload).join("\n    "))
      .replaceAll("{version}", this.version);
    this.document = new PageFile("index.html", Buffer.from(html));
    this.inlineStyles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(
      ([, style = ""]) => `'sha256-${createHash("sha256").update(style).digest("base64")}'`,
    );
  }

  file(name: string): PageFile | undefined {
    return this.#files.get(name);
  }
}

function preload(name: string): string {
  return `<link rel="modulepreload" href="/assets/{version}/${name}" />`;
}

/**
 * The modules joined, with the packages that they import: one by one they would be thirty requests, and over HTTP/1.1 a
 * browser makes six at a time. What is imported when it is needed stays apart.
 */
function bundled(folder: string): {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly firstImports: readonly string[];
} {
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: folder,
    // The view of Markdown by itself is for the tests.
    entryPoints: ["app.js", "markdown.js"],
    outdir: path.join(folder, "bundled"),
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2023",
    minify: true,
    charset: "utf8",
    legalComments: "eof",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return {
    files: new Map(
      outputFiles.map(({ path: file, contents }) => [
        path.basename(file),
        new PageFile(file, Buffer.from(contents.slice().buffer)),
      ]),
    ),
    firstImports: (metafile.outputs["bundled/app.js"]?.imports ?? [])
      .filter(({ kind }) => kind === "import-statement")
      .map((imported) => path.basename(imported.path)),
  };
}

export function hashOf(parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  // The length of each, too: two files do not become the same as two others by where one ends.
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("base64url");
}
