import { randomBytes } from "node:crypto";
import { SessionStore } from "langchain-redis-sessions";
import type { Clients } from "../network/clients.js";
import { ExpressSessions } from "./express-sessions.js";
import { EXPRESS_SESSION, OURS, RAW } from "./names.js";
import type { Workload } from "./workload.js";

const IDLE_SECONDS = 14_400;

/** A way to keep sessions: `token` is what a browser would hold. */
interface SessionKeeper {
  create(user: string): Promise<string>;
  verify(token: string): Promise<unknown>;
  end(token: string): Promise<unknown>;
}

function keepers({ ioredis, redis }: Clients): Readonly<Record<string, SessionKeeper>> {
  const sessions = new SessionStore({ client: ioredis, idleTimeout: IDLE_SECONDS });
  const express = new ExpressSessions(redis, IDLE_SECONDS);
  return {
    [OURS]: {
      create: async (userId) => (await sessions.create({ userId, agentId: "support" })).token,
      verify: (token) => sessions.verify(token),
      end: (token) => sessions.end(token),
    },
    [EXPRESS_SESSION]: express,
    // What a program does that keeps JSON under a random key.
    [RAW]: {
      create: async (userId) => {
        const token = randomBytes(32).toString("base64url");
        const createdAt = Date.now();
        await ioredis.set(token, JSON.stringify({ userId, agentId: "support", createdAt }), "EX", IDLE_SECONDS);
        return token;
      },
      verify: async (token) => JSON.parse((await ioredis.getex(token, "EX", IDLE_SECONDS)) ?? "null") as unknown,
      end: (token) => ioredis.del(token),
    },
  };
}

const common = { baselines: [EXPRESS_SESSION, RAW], mostSessions: 256 };

/** Users have up to five sessions here: the limit is met, and nobody's session ends for it. */
function nextUser(): () => string {
  let created = 0;
  return () => `user-${Math.floor(created++ / 5)}`;
}

export const createSession: Workload = {
  ...common,
  name: "create",
  title: "Create a session",
  candidates: (clients) =>
    Object.entries(keepers(clients)).map(([name, keeper]) => {
      const user = nextUser();
      return { name, run: () => keeper.create(user()) };
    }),
};

export const verifySession: Workload = {
  ...common,
  name: "verify",
  title: "Verify a session and renew it",
  candidates: (clients, sessions) =>
    Promise.all(
      Object.entries(keepers(clients)).map(async ([name, keeper]) => {
        const user = nextUser();
        const tokens = await Promise.all(Array.from({ length: sessions }, () => keeper.create(user())));
        return { name, run: (session: number) => keeper.verify(tokens[session] ?? "") };
      }),
    ),
};

export const endSession: Workload = {
  ...common,
  name: "end",
  title: "End a session",
  candidates: (clients) =>
    Object.entries(keepers(clients)).map(([name, keeper]) => {
      const user = nextUser();
      let tokens: string[] = [];
      return {
        name,
        prepare: async (operations: number) => {
          tokens = await Promise.all(Array.from({ length: operations }, () => keeper.create(user())));
        },
        run: () => keeper.end(tokens.pop() ?? ""),
      };
    }),
};
