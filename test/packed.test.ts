// What npm would publish, where nothing is installed beside it but what it requires.
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);

let installed: ReturnType<typeof installPackage>;
beforeAll(() => {
  installed = installPackage({ without: ["express", "hono", "jose", "langchain", "testcontainers"] });
});
afterAll(() => {
  installed.remove();
});

test("no part needs an optional package until that is used, and then it says which", async () => {
  const file = path.join(installed.folder, "program.mjs");
  writeFileSync(
    file,
    `
    await import("langchain-redis-sessions");
    await import("langchain-redis-sessions/express");
    await import("langchain-redis-sessions/testing");
    const { jwtAuthenticator, sessionGuard } = await import("langchain-redis-sessions/http");
    const rules = { algorithms: ["HS256"], issuer: "a", audience: "b" };
    const authenticate = jwtAuthenticator({ ...rules, key: new Uint8Array(32) });
    const sessions = { verify: () => console.log("let in") };
    const guard = sessionGuard({ sessions, authenticate, onDenied: ({ error }) => console.log(error?.message) });
    for (const headers of [{}, { Authorization: "Bearer a.b.c" }]) {
      const { denied } = await guard(new Request("http://localhost", { headers }), { agentId: "support" });
      console.log(denied.status);
    }
  `,
  );
  const { stdout } = await run(process.execPath, [file]);
  expect(stdout.trim().split("\n")).toEqual([
    "undefined",
    "401",
    "jwtAuthenticator needs jose: npm install jose",
    "503",
  ]);
});

test("the root loads nothing of zod but its core, which LangChain loads anyway: the rest is slow to start", async () => {
  const file = path.join(installed.folder, "loads.mjs");
  const hook = `
    import { writeSync } from "node:fs";
    export function load(url, context, next) {
      if (url.includes("/zod/")) writeSync(1, url + "\\n");
      return next(url, context);
    }
  `;
  writeFileSync(
    file,
    `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hook)}));
    const { RedisChatMessageHistory } = await import("langchain-redis-sessions");
    try { new RedisChatMessageHistory({}); } catch {}
  `,
  );
  const { stdout } = await run(process.execPath, [file]);
  const loaded = stdout.trim().split("\n");
  expect(loaded.length).toBeGreaterThan(10);
  expect(loaded.filter((url) => /\/zod\/v4\/(?:classic|mini)\//.test(url))).toEqual([]);
});

test("the command line runs from what npm would publish", async () => {
  const own = path.join(installed.folder, "node_modules/langchain-redis-sessions");
  const { bin } = JSON.parse(readFileSync(path.join(own, "package.json"), "utf8")) as { bin: Record<string, string> };
  const program = path.join(own, bin["langchain-redis-sessions"] ?? "");
  expect(readFileSync(program, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  const { single } = inject("servers");
  const env = { ...process.env, REDIS_URL: `redis://${single.host}:${single.port}` };
  const { stdout } = await run(process.execPath, [program, "sessions", "nobody"], { env });
  expect(stdout).toBe("nobody (no organisation) has no live session.\n");
});
