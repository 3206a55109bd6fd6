import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");
const { single } = inject("servers");

test("the quick start shows one conversation that two processes hold", async () => {
  const { OPENAI_API_KEY: _, ...environment } = process.env;
  const { stdout } = await run(process.execPath, ["--import", "tsx", "examples/quickstart.ts"], {
    cwd: root,
    env: { ...environment, REDIS_URL: `redis://${single.host}:${single.port}` },
  });
  expect(stdout.match(/Your name is Ada\./g)).toHaveLength(3); // answered, listed from Redis, answered again
  expect(stdout).toMatch(/a list of 4 messages that expires in 60 minutes/);
  const [begins, goesOn] = [...stdout.matchAll(/^Process (\d+)/gm)].map((match) => match[1]);
  expect(begins).not.toBe(goesOn);
  expect(stdout.indexOf("Do you still know my name?")).toBeGreaterThan(stdout.indexOf(`Process ${goesOn}`));
});

test("where no Redis can be had, the preparation stops with the command to type", () => {
  const bin = mkdtempSync(path.join(tmpdir(), "bin-"));
  symlinkSync(process.execPath, path.join(bin, "node"));
  const { status, stderr } = spawnSync("node", ["test/prepare.mjs"], {
    cwd: root,
    env: { PATH: bin },
    encoding: "utf8",
  });
  rmSync(bin, { recursive: true });
  expect(status).toBe(1);
  expect(stderr).toMatch(/No Redis was found\. Type this.*\n\n {4}\S.+\n/s);
});
