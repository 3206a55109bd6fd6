// The README's programs are run as a reader would run them: pasted, against the package that npm would publish.
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");
const [first = "", ...fragments] = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
const { single } = inject("servers");
const environment = { ...process.env, REDIS_URL: `redis://${single.host}:${single.port}/3` };

let installed: ReturnType<typeof installPackage>;
let client: Redis;
beforeAll(async () => {
  installed = installPackage();
  client = new Redis(environment.REDIS_URL);
  await client.flushdb(); // Database 3 is this file's own.
});
afterAll(async () => {
  installed.remove();
  await client.quit();
});

test("the first program is short, works pasted, and remembers when it is run again", async () => {
  expect(first.trimEnd().split("\n").length).toBeLessThan(20);
  const file = path.join(installed.folder, "first.mjs");
  writeFileSync(file, first);
  const turn = "human: Hi, I am Ada.\nai: Hello Ada.\n";
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn);
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn + turn);
});

/** What the README says is the reader's own. */
const assumed = `
  import { HumanMessage, AIMessage } from "@langchain/core/messages";
  import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
  import { fakeModel } from "langchain";
  import { connect, RedisChatMessageHistory } from "langchain-redis-sessions";

  export const client = connect(process.env.REDIS_URL);
  export const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  export const model = fakeModel().respond(new AIMessage("Hello, says one.")).respond(new AIMessage("Hello, says another."));
  export const tools = [];
  export const sessionId = "someone";
  export const history = new RedisChatMessageHistory({ client, sessionId });
  export const turn = [new HumanMessage("stored once")];
`;
/** Runs the fragments in order, as modules that import what they use, then shows what was stored. */
const program = (modules: readonly string[]): string => `
  import { RedisChatMessageHistory } from "langchain-redis-sessions";
  import { client, sessionId } from "./assumed.mts";
  for (const module of ${JSON.stringify(modules)}) await import(module);
  for (const id of ["ada", sessionId]) {
    const messages = await new RedisChatMessageHistory({ client, sessionId: id }).getMessages();
    for (const { type, text } of messages) console.log(id, type, text);
  }
  await client.quit();
`;

test("every other fragment runs pasted, given what its text assumes", async () => {
  expect(fragments).toHaveLength(8);
  const write = (name: string, content: string): void => writeFileSync(path.join(installed.folder, name), content);
  const modules = fragments.map((fragment, index) => {
    const [, imports = "", body = ""] = /^((?:import .*\n)+)\n(.*)$/s.exec(fragment) ?? expect.unreachable(fragment);
    // In a block of its own, where it may give its values the names that another fragment assumes.
    const before =
      'import * as assumed from "./assumed.mts";\nconst { client, prompt, model, tools, sessionId, history, turn } = assumed;';
    write(`fragment-${index}.mts`, `${before}\n${imports}{\n${body}}\n`);
    return `./fragment-${index}.mts`;
  });
  write("assumed.mts", assumed);
  write("fragments.mts", program(modules));
  await client.flushdb();
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", "fragments.mts"], {
    cwd: installed.folder,
    env: environment,
  });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "ada human Hi",
    "ada ai Hello, says one.",
    "ada human Hi",
    "ada ai Hello, says another.",
    "someone human stored once",
  ]);
});
