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

test("every other fragment runs, given what its text assumes", async () => {
  expect(fragments).toHaveLength(5);
  const assumed = `
    import { randomUUID } from "node:crypto";
    import { ConversationChain } from "@langchain/classic/chains";
    import { BufferMemory } from "@langchain/classic/memory";
    import { HumanMessage } from "@langchain/core/messages";
    import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
    import { RunnableWithMessageHistory } from "@langchain/core/runnables";
    import { FakeListChatModel } from "@langchain/core/utils/testing";
    import { connect, importMessages, RedisChatMessageHistory, StoreUnavailableError } from "langchain-redis-sessions";
    import { faultyProxy, startRedis } from "langchain-redis-sessions/testing";
    const client = connect(process.env.REDIS_URL);
    const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
    const model = new FakeListChatModel({ responses: ["Hello."] });
    const sessionId = randomUUID();
    const history = new RedisChatMessageHistory({ client, sessionId });
    const turn = [new HumanMessage("Hi")];
  `;
  const file = path.join(installed.folder, "fragments.mts");
  const end = `console.log(await history.length(), "stored"); await client.quit();`;
  writeFileSync(file, [assumed, ...fragments.map((fragment) => `{\n${fragment}\n}`), end].join("\n"));
  const { stdout } = await run(process.execPath, ["--import", "tsx", file], { cwd: root, env: environment });
  expect(stdout).toBe("1 stored\n");
});
