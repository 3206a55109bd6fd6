// The tutorials are typed along: each file is saved, each command is run, and what it prints is what the page shows.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Block, blocksOf } from "./support/documentation.js";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");
const tutorials = readdirSync(path.join(root, "docs/tutorials")).map((file) => `docs/tutorials/${file}`);
// Much for one test, on a machine that has other work.
const patience = { timeout: 300_000 };

let installed: ReturnType<typeof installPackage>;
let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  installed = installPackage();
  redis = await startRedis(); // The tutorials use ids such as "ada".
  client = new Redis(redis.url);
});
afterAll(async () => {
  installed.remove();
  await client.quit();
  await redis.stop();
});
/** Programs that have printed what the page shows, and go on: servers. By their command. */
const running = new Map<string, () => Promise<unknown>>();
afterEach(async () => {
  for (const end of running.values()) await end();
  running.clear();
});

/** Runs a block of commands until they have printed this, and have ended or go on as a server does. */
async function expectPrinted(folder: string, commands: string, shown: string): Promise<void> {
  await running.get(commands)?.(); // "Press Ctrl-C and start the server again."
  // In a process group of its own, which ends as a whole.
  const shell = spawn("sh", ["-eu", "-c", commands], {
    cwd: folder,
    env: { ...process.env, REDIS_URL: redis.url },
    detached: true,
  });
  let printed = "";
  for (const output of [shell.stdout, shell.stderr]) output.on("data", (data) => (printed += String(data)));
  const ended = once(shell, "close");
  running.set(commands, async () => {
    try {
      process.kill(-(shell.pid ?? 0), "SIGINT");
    } catch {
      // It has ended by itself.
    }
    await ended;
  });
  await vi.waitFor(() => expect(printed.trimEnd()).toBe(shown.trimEnd()), { timeout: 60_000, interval: 20 });
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return String(port);
}

test.each(tutorials)("each step of %s prints what the page shows", patience, async (page) => {
  await client.flushdb();
  const folder = path.join(installed.folder, path.basename(page, ".md"));
  mkdirSync(folder);
  const port = await freePort();
  const local = (text: string): string => text.replaceAll(/\b3000\b/g, port);
  const blocks = blocksOf(page);
  let steps = 0;
  for (const [index, { language, file, text }] of blocks.entries()) {
    if (language === "ts") writeFileSync(path.join(folder, file ?? expect.unreachable(text)), local(text));
    const next = blocks[index + 1];
    if (language !== "sh" || next?.language !== "text") continue; // What has no output to show installs something.
    await expectPrinted(folder, local(text), local(next.text));
    steps += 1;
  }
  expect(steps).toBeGreaterThan(3);
  for (const { text, file } of filesOf(page)) {
    expect(
      blocks.some((block) => block.language === "sh" && block.text.includes(`node ${file}`)) || imported(page, file),
    ).toBe(true);
    expect(text.split("\n").length, "a file that can be typed").toBeLessThan(60);
  }
});

const filesOf = (page: string): readonly Block[] => blocksOf(page).filter(({ language }) => language === "ts");
const imported = (page: string, file: string | undefined): boolean =>
  filesOf(page).some(({ text }) => text.includes(`from "./${file}"`));

test.each(tutorials)("the types of %s are right", patience, async (page) => {
  const folder = path.join(installed.folder, `${path.basename(page, ".md")}-types`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const files = filesOf(page).map(({ file = "", text }) => {
    const typed = file.replace(".mjs", ".mts");
    writeFileSync(path.join(folder, typed), text);
    return typed;
  });
  const compilerOptions = {
    strict: true,
    module: "nodenext",
    target: "es2023",
    types: ["node"],
    noEmit: true,
    skipLibCheck: true,
  };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const tsc = path.join(root, "node_modules/.bin/tsc");
  await run(tsc, ["-p", folder], { cwd: folder }).catch(({ stdout }: { stdout: string }) => expect.unreachable(stdout));
});
