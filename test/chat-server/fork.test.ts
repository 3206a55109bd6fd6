// A copy of the service outside of this repository, as its README says: it type-checks, and it runs.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { installPackage } from "../support/installed-package.js";
import { freshId } from "../support/turns.js";
import { Visitor } from "./support/visitor.js";

const run = promisify(execFile);
const examples = path.join(import.meta.dirname, "../../examples");
const readme = readFileSync(path.join(examples, "chat-server/README.md"), "utf8");
const fork = /^## Fork it$.*?(?=^## )/ms.exec(readme)?.[0] ?? "";

const files = ["chat-server", "chat-model.ts", "offline-model.ts", "print.ts"];

let installed: ReturnType<typeof installPackage>;
let server: ChildProcess | undefined;
beforeAll(() => {
  installed = installPackage();
  writeFileSync(path.join(installed.folder, "package.json"), '{ "type": "module" }');
  for (const file of files) {
    cpSync(path.join(examples, file), path.join(installed.folder, file), { recursive: true });
  }
  renameSync(
    path.join(installed.folder, "chat-server/tsconfig.fork.json"),
    path.join(installed.folder, "tsconfig.json"),
  );
}, 120_000);
afterAll(async () => {
  if (server?.pid !== undefined && server.exitCode === null) {
    const ended = once(server, "exit");
    process.kill(-server.pid, "SIGINT");
    await ended;
  }
  installed.remove();
});

test("it is type-checked by the tsconfig that comes with it", { timeout: 120_000 }, async () => {
  const { stdout } = await run("npx", ["--no-install", "tsc"], { cwd: installed.folder });
  expect(stdout).toBe("");
});

test("it starts, and answers", { timeout: 60_000 }, async () => {
  const { host, port } = inject("servers").single;
  // In a process group of its own, which ends as a whole: npx does not pass on a signal to what it started.
  const program = spawn("npx", ["--no-install", "tsx", "chat-server/main.ts"], {
    cwd: installed.folder,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PORT: "0", REDIS_URL: `redis://${host}:${port}`, KEY_PREFIX: freshId(), OPENAI_API_KEY: "" },
    detached: true,
  });
  server = program;
  let url = "";
  for await (const line of createInterface({ input: program.stdout })) {
    url = /http:\/\/[\w.[\]:]+/.exec(line)?.[0] ?? "";
    if (url !== "") break;
  }
  const ada = await Visitor.inSession(url);
  expect((await ada.say("My name is Ada.")).json.response).toBe("Nice to meet you, Ada.");
  expect((await fetch(url)).status).toBe(200);
});

test("what it imports is what the README says to install", () => {
  const named = /npm install (langchain-redis-sessions[^`]+)`/s.exec(fork)?.[1]?.split(/\s+/) ?? [];
  for (const file of files.slice(1)) expect(fork).toContain(file);
  const sources = files.flatMap((name) =>
    name.endsWith(".ts")
      ? [path.join(installed.folder, name)]
      : readdirSync(path.join(installed.folder, name), { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".ts"))
          .map((file) => path.join(installed.folder, name, file)),
  );
  const imported = new Set(
    sources.flatMap((file) =>
      [
        ...readFileSync(file, "utf8").matchAll(
          /from "((?:@[\w-]+\/)?[\w-]+)(?:\/[^"]*)?"|import\("((?:@[\w-]+\/)?[\w-]+)"\)/g,
        ),
      ].map(([, one, other]) => one ?? other ?? ""),
    ),
  );
  const builtIn = (name: string): boolean => name === "node" || name.startsWith("node:");
  const missing = [...imported].filter(
    (name) => !builtIn(name) && !named.includes(name) && !fork.includes(`\`${name}\``),
  );
  expect(missing).toEqual([]);
});
