// What a newcomer gets wrong at first is answered with how to do it, in words of our own.
import { Redis } from "ioredis";
import { AgentMemory, InvalidOptionError, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { jwtAuthenticator, sessionGuard } from "langchain-redis-sessions/http";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { afterAll, expect, test } from "vitest";

const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());

const sessions = new SessionStore({ client });
const id = "x".repeat(22);
const session = { id, conversationId: id, userId: "ada", agentId: "support" };
const memory = new AgentMemory({ client, namespace: "ada" });
const aSession = /^session: pass what verify\(\) returned, or the session of what create\(\) returned/;
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
