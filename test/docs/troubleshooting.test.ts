// What docs/troubleshooting.md shows is what a program really prints. UPDATE_DOCS=1 writes it.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { connect, keyring, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { sessionGuard } from "langchain-redis-sessions/http";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { faultyProxy, type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from "vitest";
import { threadKeys } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { redis6 } from "../support/redis-6.js";
import { freshId, turn } from "../support/turns.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "../..");
const file = path.join(root, "docs/troubleshooting.md");
const servers = inject("servers");

let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ args: ["--databases", "1", "--maxmemory-policy", "noeviction"] });
  client = new Redis(redis.url);
});
afterAll(async () => {
  await client.quit();
  await redis.stop();
});
const { closing, keep } = closingIn(afterEach);
const quiet = (one: Redis): Redis => keep(one.on("error", () => {}));

/** Returns what Node prints of an error that nobody catches, without the stack. */
async function printed(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { cause } = error;
    return `${error.name}: ${error.message}${cause instanceof Error ? `\n  [cause]: ${cause.name}: ${cause.message}` : ""}`;
  }
  return "no error";
}

const add = (of: Redis, options: object = {}): Promise<void> =>
  new RedisChatMessageHistory({ client: of, sessionId: freshId(), ...options }).addMessages(turn("Hi"));
const key = (): string => Buffer.alloc(32, freshId()).toString("base64");

const messages: Readonly<Record<string, () => string | Promise<string>>> = {
  "redis-6": async () => {
    const server = await redis6(servers.single);
    closing.push(() => server.close());
    const old = keep(new Redis({ host: server.host, port: server.port, enableReadyCheck: false }));
    return printed(() => add(old));
  },
  noperm: async () => {
    await client.acl("SETUSER", "elsewhere", "on", ">elsewhere", "~other:*", "+@all");
    return printed(() => add(quiet(new Redis(redis.url, { username: "elsewhere", password: "elsewhere" }))));
  },
  "noperm-command": async () => {
    await client.acl("SETUSER", "limited", "on", ">limited", "~chat:*", "-@all", "+@scripting", "+info", "+get");
    const text = await printed(() => add(quiet(new Redis(redis.url, { username: "limited", password: "limited" }))));
    return text.replaceAll("NOPERM", "ERR"); // The code of a command that a script may not run differs between servers.
  },
  noauth: async () => {
    await using guarded = await startRedis({ args: ["--databases", "1", "--requirepass", "secret"] });
    const bare = keep(new Redis({ host: guarded.host, port: guarded.port }));
    const error = await new Promise<Error>((resolve) => void bare.once("error", resolve));
    return error.message.replace(/^NOAUTH .*$/, "NOAUTH …"); // Servers explain it in words of their own.
  },
  "cross-site": async () => {
    const guard = sessionGuard({
      sessions: new SessionStore({ client }),
      authenticate: () => ({ userId: "ada" }),
      transport: "cookie",
      agentId: "support",
    });
    const { denied } = await guard(new Request("http://localhost:3000/chat", { method: "POST" }));
    return `HTTP 403\n${JSON.stringify(await denied?.json(), null, 2)}`;
  },
  unreachable: () => {
    const lost = quiet(connect("redis://127.0.0.1:1", { maxRetriesPerRequest: 0 }));
    return printed(() => add(lost));
  },
  retries: async () => {
    await using proxy = await faultyProxy(redis);
    proxy.refuse();
    const lost = quiet(new Redis(proxy.url));
    return printed(() => add(lost));
  },
  moved: () => {
    const { host, port } = servers.cluster[0] ?? expect.unreachable("no Cluster");
    const one = quiet(new Redis({ host, port }));
    return printed(async () => {
      // A node has a third of the slots.
      for (let attempt = 0; attempt < 50; attempt += 1) await add(one);
    });
  },
  "key-prefix": () => printed(() => add(client, { keyPrefix: "{app}" })),
  "no-such-key": async () => {
    const sessionId = freshId();
    const written = { sessionId, encryption: keyring({ current: "2026-11", keys: { "2026-11": key() } }) };
    await add(client, written);
    const other = keyring({ current: "2026-12", keys: { "2026-12": key() } });
    return printed(() => new RedisChatMessageHistory({ client, sessionId, encryption: other }).getMessages());
  },
  "wrong-key": async () => {
    const sessionId = freshId();
    await add(client, { sessionId, encryption: keyring({ current: "2026-11", keys: { "2026-11": key() } }) });
    const other = keyring({ current: "2026-11", keys: { "2026-11": key() } });
    return printed(() => new RedisChatMessageHistory({ client, sessionId, encryption: other }).getMessages());
  },
  "no-encryption": async () => {
    const sessionId = freshId();
    await add(client, { sessionId, encryption: keyring({ current: "2026-11", keys: { "2026-11": key() } }) });
    return printed(() => new RedisChatMessageHistory({ client, sessionId }).getMessages());
  },
  evicted: async () => {
    const saver = new RedisSaver({ client });
    const configurable = { thread_id: "42", checkpoint_ns: "" };
    const checkpoint = {
      v: 4,
      id: "1f0c7a40-0000-6000-8000-000000000000",
      ts: new Date(0).toISOString(),
      channel_values: { topic: "x".repeat(200) },
      channel_versions: { topic: 1 },
      versions_seen: {},
    };
    await saver.put({ configurable }, checkpoint, { source: "loop", step: 1, parents: {} }, { topic: 1 });
    await client.del(threadKeys("chat", "42").nodes); // as an eviction does
    return printed(() => saver.getTuple({ configurable }));
  },
  full: async () => {
    await client.config("SET", "maxmemory", "1");
    try {
      return await printed(() => add(client));
    } finally {
      await client.config("SET", "maxmemory", "0");
    }
  },
  "clock-behind": async () => {
    const sessions = new SessionStore({ client });
    const request = { userId: freshId(), agentId: "support" };
    await sessions.create(request, { operationId: "sign-in-1" });
    // Another process, by its clock: attempts of one process are in order whatever the clock says.
    vi.resetModules();
    const other = await import("langchain-redis-sessions");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 60_000 });
    try {
      const there = new other.SessionStore({ client });
      return await printed(() => there.create(request, { operationId: "sign-in-1" }));
    } finally {
      vi.useRealTimers();
    }
  },
  "signed-in-before": async () => {
    const sessions = new SessionStore({ client });
    const user = { userId: freshId() };
    await sessions.endAll(user);
    const authenticatedAt = new Date(Date.now() - 60_000); // by a clock that is a minute behind
    return printed(() => sessions.create({ ...user, agentId: "support", authenticatedAt }));
  },
  "another-copy": () =>
    printed(() => {
      const ofAnother = { [Symbol.for("langchain-redis-sessions.session-store")]: 1 };
      return new RunnableWithSession({ sessions: ofAnother as never, runnable: (input: string) => input } as never);
    }),
  "node-redis": async () => {
    const { createClient } = await import("redis");
    return printed(() => new SessionStore({ client: createClient() as never }));
  },
};

function blockOf(page: string, name: string): { readonly start: number; readonly end: number } {
  const marker = `<!-- message ${name} -->\n\`\`\`text\n`;
  const start = page.indexOf(marker) + marker.length;
  if (start < marker.length) return expect.unreachable(`the page has no ${marker}`);
  return { start, end: page.indexOf("\n```", start) };
}

test.each(Object.entries(messages))("the page shows what is really printed: %s", async (name, make) => {
  const text = await make();
  const page = readFileSync(file, "utf8");
  const { start, end } = blockOf(page, name);
  if (process.env["UPDATE_DOCS"]) writeFileSync(file, page.slice(0, start) + text + page.slice(end));
  else expect(page.slice(start, end)).toBe(text);
});

test("the page shows no other message", () => {
  const shown = [...readFileSync(file, "utf8").matchAll(/^<!-- message (.+) -->$/gm)].map(([, name = ""]) => name);
  expect(shown.toSorted()).toEqual(Object.keys(messages).toSorted());
});

test("a program ends when its store and its client are closed, and a connection holds it until then", async () => {
  mkdirSync(path.join(root, ".data"), { recursive: true });
  const folder = mkdtempSync(path.join(root, ".data/ends-"));
  const program = path.join(folder, "program.mts");
  const [, remedy = ""] = /^```ts\n(await sessions\.close.*?)^```$/ms.exec(readFileSync(file, "utf8")) ?? [];
  writeFileSync(
    program,
    `import { connect, SessionStore } from "langchain-redis-sessions";
     const client = connect(process.env.REDIS_URL ?? "");
     const sessions = new SessionStore({ client });
     const { session } = await sessions.create({ userId: "ada", agentId: "support" });
     sessions.signal(session);
     await sessions.history(session).addUserMessage("Hi");
     console.log(process.getActiveResourcesInfo().includes("TCPSocketWrap"));
     ${remedy}`,
  );
  try {
    const { stdout } = await run(process.execPath, ["--import", "tsx", program], {
      cwd: root,
      env: { ...process.env, REDIS_URL: redis.url },
      timeout: 25_000, // then it is killed, and the call rejects
    });
    expect(remedy).not.toBe("");
    expect(stdout).toBe("true\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
