import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { writeProgram } from "./testing/program.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");
const { single } = inject("servers");

test("the quick start shows one conversation that two processes hold, and what to run next", async () => {
  const { OPENAI_API_KEY: _, ...environment } = process.env;
  const { stdout } = await run(process.execPath, ["--import", "tsx", "examples/quickstart.ts"], {
    cwd: root,
    env: { ...environment, REDIS_URL: `redis://:hidden@${single.host}:${single.port}` },
  });
  expect(stdout).toContain(`yours, ${single.host}:${single.port}`);
  expect(stdout, "the password of the URL").not.toContain("hidden");
  expect(stdout.match(/Your name is Ada\./g)).toHaveLength(3); // answered, listed from Redis, answered again
  expect(stdout).toMatch(/a list of 4 messages that expires in 60 minutes/);
  const [begins, goesOn] = [...stdout.matchAll(/^Process (\d+)/gm)].map((match) => match[1]);
  expect(begins).not.toBe(goesOn);
  for (const command of ["npm run agent", "npm start"]) expect(stdout.split("Next\n")[1]).toContain(command);
  expect(stdout.indexOf("Do you still know my name?")).toBeGreaterThan(stdout.indexOf(`Process ${goesOn}`));
});

describe("the preparation, in a checkout of its own", () => {
  let checkout: string;
  beforeEach(() => {
    checkout = mkdtempSync(path.join(tmpdir(), "checkout-"));
    for (const folder of ["test", "bin", "node_modules"]) mkdirSync(path.join(checkout, folder));
    cpSync(path.join(root, "test/prepare.mjs"), path.join(checkout, "test/prepare.mjs"));
    symlinkSync(process.execPath, path.join(checkout, "bin/node"));
  });
  afterEach(() => {
    rmSync(checkout, { recursive: true });
  });

  const write = (file: string, content: unknown): void =>
    writeFileSync(path.join(checkout, file), JSON.stringify(content));
  const locked = (version: string): object => ({
    packages: {
      "": {},
      "node_modules/a": { version },
      "node_modules/of-another-platform": { version, optional: true },
    },
  });
  const installed = (version: string): object => ({ packages: { "node_modules/a": { version } } });
  /** With nothing on the PATH but Node: to install, it would have to find npm. */
  const prepare = (environment: NodeJS.ProcessEnv = {}): { status: number | null; stderr: string } =>
    spawnSync("node", ["test/prepare.mjs"], {
      cwd: checkout,
      env: { PATH: path.join(checkout, "bin"), ...environment },
      encoding: "utf8",
    });

  test("stops with the command to type where no Redis can be had", () => {
    write("package-lock.json", locked("1.0.0"));
    write("node_modules/.package-lock.json", installed("1.0.0"));
    const { status, stderr } = prepare();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^No Redis was found\. Type this.*\n\n {4}\S.+\n/s);
    expect(stderr).toContain("Or start Docker");
    expect(stderr).toContain("REDIS_URL=redis://");
  });

  test("does not take a redis-server that is too old, and says which version there is", () => {
    write("package-lock.json", locked("1.0.0"));
    write("node_modules/.package-lock.json", installed("1.0.0"));
    writeProgram(path.join(checkout, "bin/redis-server"), "Redis server v=6.2.9 sha=00000000:0 malloc=libc bits=64");
    expect(prepare()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/is version 6\.2\.9, and 7\.0 or later/),
    });
    writeProgram(path.join(checkout, "bin/valkey-server"), "Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64");
    expect(prepare()).toMatchObject({ status: 0, stderr: "" });
  });

  test("installs the packages when they are missing, or not those of the lock file; not for a newer date", () => {
    const withRedis = { REDIS_URL: "redis://127.0.0.1:6379" };
    write("package-lock.json", locked("1.0.0"));
    expect(prepare(withRedis).stderr).toMatch(/^Installing the packages/);
    write("node_modules/.package-lock.json", installed("0.9.0"));
    expect(prepare(withRedis).stderr).toMatch(/^Installing the packages/);
    write("node_modules/.package-lock.json", installed("1.0.0"));
    const later = new Date(Date.now() + 60_000);
    utimesSync(path.join(checkout, "package-lock.json"), later, later);
    expect(prepare(withRedis)).toMatchObject({ status: 0, stderr: "" });
  });
});
