// One program, with the package that npm would publish, in each runtime that the README names: the same comes of it.
import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { installPackage } from "../support/installed-package.js";

const run = promisify(execFile);
const packages = path.join(import.meta.dirname, "node_modules");
const isArm = process.arch === "arm64";
const node = (major: number): string => path.join(packages, `node-${major}-${process.arch}/bin/node`);

const runtimes: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ["Node 22", node(22)],
  ["Node 24", node(24)],
  ["Node 26", node(26)],
  ["Bun 1", path.join(packages, isArm ? "@oven/bun-linux-aarch64" : "@oven/bun-linux-x64-baseline", "bin/bun")],
  [
    "Deno 2",
    path.join(packages, isArm ? "@deno/linux-arm64-glibc" : "@deno/linux-x64-glibc", "deno"),
    "run",
    "--quiet",
    "--allow-all",
    "--no-check",
    "--node-modules-dir=manual",
  ],
];

const { host, port } = inject("servers").single;
const environment = { ...process.env, REDIS_URL: `redis://${host}:${port}/3`, DENO_NO_UPDATE_CHECK: "1" };
let installed: ReturnType<typeof installPackage>;
let expected = "";

const told = async (program: string, ...args: string[]): Promise<string> => {
  const { stdout } = await run(program, [...args, "program.mjs"], { cwd: installed.folder, env: environment });
  return stdout;
};

beforeAll(async () => {
  installed = installPackage();
  copyFileSync(path.join(import.meta.dirname, "program.mjs"), path.join(installed.folder, "program.mjs"));
  expected = await told(process.execPath);
});
afterAll(() => {
  installed.remove();
});

test("this Node does all of it", () => {
  expect(expected.split("\n")).toContain('told of its end: "SESSION_NOT_FOUND"');
  expect(expected).toContain('refused: ["SESSION_NOT_FOUND","evicted"]');
});

test.each(runtimes)("%s: the same comes of it, and the program ends by itself", async (_name, program, ...args) => {
  expect(await told(program, ...args)).toBe(expected);
});
