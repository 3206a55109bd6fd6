import path from "node:path";
import { build } from "esbuild";

type Codec = typeof import("../../../src/codec/encode.js") & typeof import("../../../src/codec/decode.js");

const root = path.join(import.meta.dirname, "../../..");
// Below the project, where its packages are found.
const outfile = path.join(root, "node_modules/.cache/langchain-redis-sessions/codec.mjs");

// Not exported by the package: built as what is exported is.
await build({
  stdin: {
    contents: 'export { encodeMessage } from "./encode.js"; export { decodeMessage } from "./decode.js";',
    resolveDir: path.join(root, "src/codec"),
    loader: "ts",
  },
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
});

export const { encodeMessage, decodeMessage } = (await import(outfile)) as Pick<
  Codec,
  "encodeMessage" | "decodeMessage"
>;
