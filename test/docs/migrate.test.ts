// The programs of docs/how-to/migrate.md run as a reader would paste them.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { textOf } from "../support/documentation.js";
import { fragmentsOf } from "./support/page.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "../..");
const fragments = fragmentsOf(textOf("docs/how-to/migrate.md"));

let folder: string;
let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  mkdirSync(path.join(root, ".data"), { recursive: true });
  folder = mkdtempSync(path.join(root, ".data/migrate-"));
  redis = await startRedis({ args: ["--databases", "1"] });
  client = new Redis(redis.url);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await client.quit();
  await redis.stop();
});

/** What the page says is the reader's own. */
const assumed = `
  import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
  import { FakeListChatModel } from "@langchain/core/utils/testing";
  import { connect, SessionStore } from "langchain-redis-sessions";

  export const client = connect(process.env.REDIS_URL ?? "");
  export const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  export const model = new FakeListChatModel({ responses: ["Hello."] });
  export const tools = [];
  export const sessionId = "old";
  export const sessions = new SessionStore({ client });
  export const { session } = await sessions.create({ userId: "ada", agentId: "support" });
  export const authenticate = () => ({ userId: "ada" });
`;

/** What a browser would do with the program of Express. */
const requests = `
  await new Promise((resolve) => { const server = app.listen(0, "127.0.0.1", async () => {
    const base = "http://127.0.0.1:" + server.address().port;
    let headers = { "Sec-Fetch-Site": "same-origin" };
    const send = async (method, path) => {
      const response = await fetch(base + path, { method, headers });
      console.log("express", method, path, response.status);
      return response;
    };
    const started = await send("POST", "/session");
    await send("PUT", "/language");
    headers = { ...headers, Cookie: started.headers.getSetCookie()[0].split(";")[0] };
    await send("PUT", "/language");
    const [{ metadata }] = (await sessions.list({ userId: "ada" })).filter(({ metadata }) => "language" in metadata);
    console.log("express", JSON.stringify(metadata));
    await send("DELETE", "/session");
    await send("PUT", "/language");
    server.close(resolve);
    server.closeAllConnections();
  }); });
`;

test("every program of the page runs pasted, and stores what the page says", { timeout: 120_000 }, async () => {
  // What another package has stored: the newest message first, under the bare session id.
  const old = ["Hi", "Hello."].map((content, index) =>
    JSON.stringify({
      type: index === 0 ? "human" : "ai",
      data: { content, additional_kwargs: {}, response_metadata: {} },
    }),
  );
  await client.lpush("old", ...old);
  const write = (name: string, content: string): void => writeFileSync(path.join(folder, name), content);
  write("assumed.mts", assumed);
  const modules = fragments.map(({ code }, index) => {
    const imports = [...code.matchAll(/^import [^;]+;$/gm)].map(([line]) => line);
    const body = imports.reduce((rest, line) => rest.replace(line, ""), code);
    const given =
      'import * as assumed from "./assumed.mts";\nconst { client, prompt, model, tools, sessionId, sessions, session, authenticate } = assumed;';
    write(
      `fragment-${index}.mts`,
      `${given}\n${imports.join("\n")}\n{${body}${body.includes("app.use") ? requests : ""}}\n`,
    );
    return `./fragment-${index}.mts`;
  });
  write(
    "fragments.mts",
    `import { RedisChatMessageHistory } from "langchain-redis-sessions";
     import { client, session, sessions } from "./assumed.mts";
     for (const module of ${JSON.stringify(modules)}) await import(module);
     const show = async (name, history) => console.log(name, JSON.stringify((await history.getMessages()).map(({ text }) => text)));
     await show("moved", new RedisChatMessageHistory({ client, sessionId: "moved" }));
     await show("old", new RedisChatMessageHistory({ client, sessionId: "old" }));
     await show("session", sessions.history(session));
     console.log("thread", await client.exists("chat:thread:{moved}:checkpoints"));
     await sessions.close();
     await client.quit();`,
  );
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", path.join(folder, "fragments.mts")], {
    cwd: root, // Its tsconfig.json says where the package is.
    env: { ...process.env, REDIS_URL: redis.url },
  });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "express POST /session 201",
    "express PUT /language 440",
    "express PUT /language 204",
    'express {"language":"de"}',
    "express DELETE /session 204",
    "express PUT /language 440",
    'moved ["Hi","Hi","Hello.","Hi","Hello."]',
    'old ["Hi","Hello."]',
    'session ["Hi","Hello."]',
    "thread 1",
  ]);
});

test("every package that the page moves away from exports what the page names", { timeout: 60_000 }, async () => {
  const imports = fragments.flatMap(({ before = "" }) =>
    [...before.matchAll(/^import (?:\{ (.+) \}|(\w+)) from "(.+)";$/gm)].map(([, names, , from = ""]) => ({
      names: names?.split(", ") ?? ["default"],
      from,
    })),
  );
  expect(imports.length).toBeGreaterThan(8);
  for (const { names, from } of imports) {
    if (from.startsWith("langchain-redis-sessions")) continue;
    // Installed for comparisons only, by `node test/prepare.mjs --savers`.
    const apart = path.join(root, "test/savers/node_modules", from, "dist/index.js");
    const isApart = from === "@langchain/langgraph-checkpoint-redis";
    if (isApart && !existsSync(apart)) continue;
    const found = (await import(isApart ? apart : from)) as Readonly<Record<string, unknown>>;
    for (const name of names) expect(found[name], `${name} of ${from}`).toBeDefined();
  }
});
