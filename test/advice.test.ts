// What a newcomer gets wrong at first is answered with how to do it, in words of our own.
import { Redis } from "ioredis";
import { AgentMemory, InvalidOptionError, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { jwtAuthenticator, sessionGuard } from "langchain-redis-sessions/http";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { createClient } from "redis";
import { afterAll, expect, test } from "vitest";

const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());

const sessions = new SessionStore({ client });
const id = "x".repeat(22);
const session = { id, conversationId: id, userId: "ada", agentId: "support" };
const memory = new AgentMemory({ client, namespace: "ada" });
const aSession = /^session: pass the session that verify\(\) returned, or the session in the result of create\(\)/;
const aRunnable = "runnable: pass a Runnable of LangChain, or a function.";

test.each<[mistake: string, call: () => unknown, advice: string | RegExp]>([
  ["a token for a session", () => sessions.history(`lrs_${id}` as never), aSession],
  [
    "what create() returned for its session",
    () => sessions.history({ token: "", session, ended: [] } as never),
    aSession,
  ],
  ["a promise of a session", () => sessions.memory(Promise.resolve(session) as never), aSession],
  [
    "metadata that is not named so",
    () => sessions.update(session as never, { locale: "de" } as never),
    "locale: there is no such option; there are metadata.",
  ],
  [
    "another word for the user",
    () => sessions.create({ user: "ada", agentId: "support" } as never),
    /^user: there is no such option; there are userId, orgId, agentId, conversationId,/,
  ],
  [
    "an option of set() with append()",
    () => memory.append("log", 1, { ifVersion: 1 } as never),
    "ifVersion: there is no such option; there are ttl, operationId, max.",
  ],
  [
    "a number for an id",
    () => new RedisChatMessageHistory({ client, sessionId: 5 as never }),
    "sessionId: use a string.",
  ],
  [
    "an address for a client",
    () => new SessionStore({ client: "redis://localhost" as never }),
    /^client: pass an ioredis/,
  ],
  [
    "a client of node-redis as it is",
    () => new SessionStore({ client: createClient() as never }),
    'client: this is a client of node-redis: pass fromNodeRedis(client), of "langchain-redis-sessions/node-redis".',
  ],
  [
    "an object of another class for a client",
    () => new SessionStore({ client: Object.assign(new Date(), { eval: () => {}, call: () => {} }) as never }),
    /^client: pass an ioredis .*; this is an object of the class Date, without evalsha, pipeline\.$/,
  ],
  [
    "a client of node-redis 4",
    () => new SessionStore({ client: { sendCommand: () => {} } as never }),
    /^client: pass an ioredis .*; of node-redis, version 5\.8 or later\.$/,
  ],
  [
    "an ioredis client to fromNodeRedis",
    () => fromNodeRedis(client as never),
    "client: pass a client of node-redis 5.8 or later, such as createClient().",
  ],
  ["no runnable", () => new RunnableWithSession({ sessions } as never), aRunnable],
  ["null for a runnable", () => new RunnableWithSession({ sessions, runnable: null } as never), aRunnable],
  [
    "no algorithms",
    () => jwtAuthenticator({} as never),
    'algorithms: use an array of the algorithms that you sign with, such as ["RS256"].',
  ],
  ["nobody to authenticate", () => sessionGuard({ sessions } as never), "authenticate: use a function."],
])("%s is refused with advice", async (_mistake, call, advice) => {
  const failed = new Promise((resolve) => resolve(call()));
  await expect(failed).rejects.toBeInstanceOf(InvalidOptionError);
  await expect(failed).rejects.toThrow(advice);
  expect(client.status).toBe("wait");
});
