// Controls of the tests of answers: each promise holds, and no longer does when its protection is taken out of the script.
import { AIMessage } from "@langchain/core/messages";
import { afterEach, describe, expect, test } from "vitest";
import { damaged } from "../past/support/damaged.js";
import { client } from "../support/session-store.js";
import type { Client } from "../support/topologies.js";
import { Answering, heard, reason } from "./support/answering.js";

interface Protected {
  readonly code: string;
  readonly replacement: string;
  /** Returns whether the promise holds. */
  readonly holds: (user: Answering) => Promise<boolean>;
}

const users: Answering[] = [];
afterEach(async () => {
  for (const user of users.splice(0)) await user.close();
});
const userOn = async (through: Client): Promise<Answering> => {
  const user = await Answering.on(through);
  users.push(user);
  return user;
};
const hello = [new AIMessage("Hello")];

const promises: Record<string, Protected> = {
  "the script that stores the turn ends its answer": {
    code: "endAnswer(answer, events, token, ending, positionAt(stands, stands.length - 1), channel)",
    replacement: "",
    holds: async (user) => {
      const answer = await user.begin();
      await answer.store(hello);
      await answer.close();
      return JSON.stringify(await heard(user.answers)) === '[{"end":"stored"}]';
    },
  },
  "a producer that was settled is refused": {
    code: 'elseif lostLease(lease, holder, token) then\n  return { "lease-lost" }',
    replacement: 'elseif false then\n  return { "lease-lost" }',
    holds: async (user) => {
      const answer = await user.begin();
      await user.settle();
      return (await reason(answer.store(hello))) !== undefined;
    },
  },
  "whoever settles an answer fences its producer": {
    code: 'redis.call("HDEL", answer, "open")\n    releaseLease(lease, holder, token)',
    replacement: 'redis.call("HDEL", answer, "open")',
    holds: async (user) => {
      const answer = await user.begin();
      await user.settle();
      return (await reason(answer.store(hello))) !== undefined;
    },
  },
  "a log that was closed is not opened again": {
    code: 'if not fields[3] then\n  return { "ended"',
    replacement: 'if false then\n  return { "ended"',
    holds: async (user) => {
      const answer = await user.begin();
      await user.settle();
      answer.send("late");
      await answer.close();
      return (await heard(user.answers)).length === 1;
    },
  },
  "a question that is asked again is there once": {
    code: "return found.parts, 0",
    replacement: "return 0, 0",
    holds: async (user) => {
      await (await user.begin()).close();
      await (await user.begin()).close();
      return (await user.stored()).length === 1;
    },
  },
  "an answer whose conversation was cleared gives it back": {
    code: 'releaseLease(lease, holder, token)\n  return { "lost" }',
    replacement: 'return { "lost" }',
    holds: async (user) => {
      const answer = await user.begin();
      await user.store.history(user.session).clear();
      await answer.close();
      return (await client.exists(user.keys.turns(user.id).lease)) === 0;
    },
  },
  "followers hear that a conversation was cleared": {
    code: 'if redis.call("UNLINK", answer, events) > 0 then',
    replacement: "if false then",
    holds: async (user) => {
      await (await user.begin()).close();
      await user.store.history(user.session).clear();
      return (await heard(user.answers)).length === 0;
    },
  },
};

describe.each(Object.entries(promises))("%s", (_, { code, replacement, holds }) => {
  test("holds", async () => {
    expect(await holds(await userOn(client))).toBe(true);
  });

  test("no longer does when its protection is taken out", async () => {
    expect(await holds(await userOn(damaged(client, code, replacement)))).toBe(false);
  });
});
