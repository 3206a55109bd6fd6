// The programs of docs/how-to/commonjs-and-bundlers.md, each loaded or bundled in its own way: the same comes of it.
import { createRequire } from "node:module";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { rollup } from "rollup";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/commonjs-and-bundlers.md");
const site = new Site("commonjs-and-bundlers", page.files);
const turn = "human: Hi, I am Ada.\nai: Hello Ada.\n";

let redis: RunningRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const printed = (...words: string[]) => site.run(words, { REDIS_URL: redis.url, NODE_PATH: "" });

test("require loads the package, without a warning", async () => {
  expect(await printed("chat.cjs")).toEqual({ stdout: turn, stderr: "" });
});

test("import() loads it in CommonJS too", async () => {
  expect(await printed("import.cjs")).toEqual({ stdout: "true\n", stderr: "" });
});

test("every path that the page names can be required, and no other", async () => {
  const own = createRequire(path.join(site.folder, "chat.cjs"));
  const { exports } = own("langchain-redis-sessions/package.json") as { exports: Record<string, unknown> };
  const named = Object.keys(exports).filter((name) => /^\.\/[\w-]+$/.test(name));
  for (const name of named) expect(page.text).toContain(`\`${name.slice(1)}\``);
  site.write(
    "paths.cjs",
    [
      ...named.map((name) => `require("langchain-redis-sessions${name.slice(1)}");`),
      'try { require("langchain-redis-sessions/dist/index.js"); } catch (error) { console.log(error.code); }',
      "process.exit(0);",
    ].join("\n"),
  );
  expect((await printed("paths.cjs")).stdout).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED\n");
});

const settings = async (file: string): Promise<Record<string, unknown>> =>
  ((await import(path.join(site.folder, file))) as { default: Record<string, unknown> }).default;

describe.each([
  { name: "esbuild", bundle: () => printed("build.mjs") },
  {
    name: "webpack",
    bundle: async () => {
      const config = { ...(await settings("webpack.config.js")), context: site.folder };
      const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
        webpack(config as never, (error, done) => (error ? reject(error) : resolve(done)));
      });
      if (stats?.hasErrors() !== false) throw new Error(stats?.toString("errors-only"));
    },
  },
  {
    name: "rollup",
    bundle: async () => {
      const { input, output, plugins } = await settings("rollup.config.js");
      const onwarn = (): void => {}; // Of circular imports in zod and in LangChain's packages.
      const bundled = await rollup({ input: path.join(site.folder, input as string), plugins, onwarn } as never);
      const { file, ...more } = output as { file: string };
      await bundled.write({ ...more, file: path.join(site.folder, file) });
    },
  },
])("$name", ({ name, bundle }) => {
  test("bundles the program to one file, which runs where no package is installed", async () => {
    await bundle();
    const file = path.join(site.folder, name, "chat.mjs");
    const apart = new Site(mkdtempSync(path.join(tmpdir(), `bundle-of-${name}-`)));
    try {
      apart.write("chat.mjs", readFileSync(file, "utf8"));
      expect(readdirSync(apart.folder).toSorted()).toEqual(["chat.mjs", "package.json"]);
      expect(await apart.run(["chat.mjs"], { REDIS_URL: redis.url })).toEqual({ stdout: turn, stderr: "" });
    } finally {
      rmSync(apart.folder, { recursive: true, force: true });
    }
  });
});

test("a bundle's errors are known by the copy outside, and not by its instanceof", async () => {
  site.write("bundled.js", 'export { InvalidOptionError } from "langchain-redis-sessions";');
  site.write(
    "build-copy.mjs",
    page.file("build.mjs").replaceAll("chat.js", "bundled.js").replaceAll("chat.mjs", "copy.mjs"),
  );
  site.write(
    "copies.mjs",
    `import { InvalidOptionError, isLangChainRedisError } from "langchain-redis-sessions";
    import { InvalidOptionError as Other } from "./esbuild/copy.mjs";
    const error = new Other("ttl", "use a duration.");
    console.log(error instanceof InvalidOptionError, isLangChainRedisError(error), error.code);`,
  );
  await printed("build-copy.mjs");
  expect((await printed("copies.mjs")).stdout).toBe("false true INVALID_OPTION\n");
});
