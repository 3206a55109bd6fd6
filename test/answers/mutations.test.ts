// Mutations of the model in test/model, done to the scripts. Each takes out the protection that the model's mutation takes
// out: the property then fails in the code, too. docs/protocol.md says which other tests have the other mutations.
import { AIMessage } from "@langchain/core/messages";
import { afterEach, describe, expect, test } from "vitest";
import type { TurnNotStoredError } from "langchain-redis-sessions";
import { beginAnswerScript } from "../../src/redis/scripts/answer/begin.js";
import { logAnswerScript } from "../../src/redis/scripts/answer/log.js";
import { stopAnswerScript } from "../../src/redis/scripts/answer/stop.js";
import { appendToConversationScript } from "../../src/redis/scripts/conversation/append.js";
import { damaged } from "../past/support/damaged.js";
import { client } from "../support/session-store.js";
import type { Client } from "../support/topologies.js";
import { Answering, heard, reason } from "./support/answering.js";
import { recorded } from "./support/recorded.js";
import { rerouted } from "./support/rerouted.js";

interface Place {
  readonly user: Answering;
  /** The client of the user's store. */
  readonly through: Client;
  /** Runs the first call of a script once more, as a copy that comes late. */
  readonly late: ReturnType<typeof recorded>["late"];
}
interface Mutation {
  readonly name: string;
  readonly property: string;
  readonly code: string;
  readonly replacement: string;
  /** Returns whether the property holds. */
  readonly holds: (place: Place) => Promise<boolean>;
}

const hello = [new AIMessage("Hello")];
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const isHeld = async ({ keys, id }: Answering): Promise<boolean> => (await client.exists(keys.turns(id).lease)) === 1;
const isLogged = (user: Answering, events: number): Promise<void> =>
  expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(events + 1);

/**
 * Returns a client that can keep the log of an answer to itself. A log also asks once its subscription stands, at whatever
 * moment that is: it would renew the lease, or hear that the answer is over.
 */
function withLog(through: Client): { client: Client; hush: () => void; speak: () => void } {
  let isQuiet = false;
  return {
    client: rerouted(through, logAnswerScript.sha1, (send) => (isQuiet ? Promise.resolve(["ok"]) : send())),
    hush: () => (isQuiet = true),
    speak: () => (isQuiet = false),
  };
}

const mutations: readonly Mutation[] = [
  {
    name: "CLEAR_DOES_NOT_FENCE",
    property: "no_mixed_turns",
    code: 'elseif generation and seen ~= "*" and seen ~= generation then',
    replacement: "elseif false then",
    holds: async ({ user, through }) => {
      const log = withLog(through);
      log.hush();
      const answer = await (await user.elsewhere(log.client)).answers.begin({ operationId: "one", input: "Hi" });
      await user.store.history(user.session).clear();
      const error = await reason(answer.store(hello));
      await answer.close();
      return error !== undefined && same(await user.stored(), []);
    },
  },
  {
    name: "GAP_IS_OK",
    property: "no_acknowledged_loss",
    code: "if present >= 0 and present < from + #encoded then",
    replacement: "if present == from then",
    // Redis acknowledges the first batch and loses it, as in a failover.
    holds: async ({ user, through }) => {
      const losing = rerouted(through, logAnswerScript.sha1, (send, given) =>
        given.includes('"one"') ? Promise.resolve(["ok"]) : send(),
      );
      const { answers } = await user.elsewhere(losing);
      const answer = await answers.begin({ operationId: "one", input: "Hi" });
      answer.send("one");
      answer.send("two");
      await answer.close();
      return same(await heard(user.answers), [{ missed: true }, "two", { end: "interrupted" }]);
    },
  },
  {
    name: "BEGIN_REPLACES_ANY",
    property: "no_acknowledged_loss",
    code: "if not found or found.turn ~= turn.id then",
    replacement: "if not found then",
    holds: async ({ user }) => {
      const answer = await user.begin();
      await user.settle();
      const next = await user.begin("two", { input: "Else" });
      await Promise.all([answer.close(), next.close()]);
      return same(await user.stored(), ["human: Hi", "human: Else"]);
    },
  },
  {
    name: "APPEND_FORGETS",
    property: "refused_is_not_stored",
    code: "remember(operation, digest, begun)",
    replacement: "",
    holds: async ({ user, late }) => {
      const answer = await user.begin();
      await answer.store(hello);
      const [told] = (await late(appendToConversationScript)) as string[];
      await answer.close();
      return told === "repeated" && same(await user.stored(), ["human: Hi", "ai: Hello"]);
    },
  },
  {
    name: "FAILED_STAYS",
    property: "stored_iff_done",
    code: '(fields[2] and fields[2] ~= "failed")',
    replacement: "fields[2]",
    holds: async ({ user, through }) => {
      let isAway = true;
      const failing = rerouted(through, appendToConversationScript.sha1, (send) =>
        isAway ? Promise.reject(new Error("Connection is closed.")) : send(),
      );
      const answer = await (await user.elsewhere(failing)).answers.begin({ operationId: "one", input: "Hi" });
      const error = (await reason(answer.store(hello))) as TurnNotStoredError;
      await answer.close();
      expect(await heard(user.answers)).toEqual([{ end: "failed" }]);
      isAway = false;
      await error.retry();
      return same(await heard(user.answers), [{ end: "stored" }]);
    },
  },
  {
    name: "BEGIN_AGAIN",
    property: "settled_stays",
    code: "elseif runs[1] ~= token or runs[2] or lostLease(lease, holder, token) then",
    replacement: "elseif false then",
    holds: async ({ user, late }) => {
      const answer = await user.begin();
      await user.settle();
      await late(beginAnswerScript);
      const isRunning = await isHeld(user);
      await answer.close();
      return !isRunning;
    },
  },
  {
    name: "FAILED_OVERWRITES",
    property: "settled_stays",
    code: 'if not fields[3] then\n  return { "ended"',
    replacement:
      'if ending == "failed" then redis.call("HSET", answer, "end", ending) end\nif not fields[3] then\n  return { "ended"',
    // Nothing tells the producer that it was settled before it says that it failed.
    holds: async ({ user, through }) => {
      const deaf = rerouted(through, logAnswerScript.sha1, (send, given) =>
        given.includes("failed") ? send() : Promise.reject(new Error("Connection is closed.")),
      );
      const answer = await (await user.elsewhere(deaf)).answers.begin({ operationId: "one", input: "Hi" });
      await user.settle();
      const told = await heard(user.answers);
      expect(await reason(answer.store(hello))).toMatchObject({ code: "TURN_NOT_STORED" });
      await answer.close();
      return same(told, [{ end: "interrupted" }]) && same(await heard(user.answers), told);
    },
  },
  {
    name: "RELEASE_WITHOUT_TOKEN",
    property: "one_holder",
    code: 'if redis.call("GET", key) == token then',
    replacement: "if true then",
    holds: async ({ user, through }) => {
      const log = withLog(through);
      log.hush();
      const answer = await (await user.elsewhere(log.client)).answers.begin({ operationId: "one", input: "Hi" });
      await user.settle();
      const next = await user.begin("two", { input: "Else" });
      log.speak();
      await answer.close();
      const isRunning = await isHeld(user);
      await next.close();
      return isRunning;
    },
  },
  {
    name: "SETTLED_RUN_RENEWS",
    property: "fence",
    code: "if not how and not reason then",
    replacement: "if not reason then",
    holds: async ({ user, late }) => {
      const answer = await user.begin();
      answer.send("one");
      await isLogged(user, 1);
      await answer.store(hello);
      await late(logAnswerScript);
      const isRunning = await isHeld(user);
      await answer.close();
      return !isRunning;
    },
  },
  {
    name: "NO_RESERVATION",
    property: "newest_supersedes",
    code: "local isReserved = found.newest ~= token and now < found.heard",
    replacement: "local isReserved = false",
    // B supersedes A. A ends, and C comes before B's second try.
    holds: async ({ user, through }) => {
      const a = await user.begin();
      let goOn: () => void = () => {};
      const second = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let tries = 0;
      const slow = rerouted(through, beginAnswerScript.sha1, async (send) => {
        tries += 1;
        if (tries > 1) await second;
        return send();
      });
      const { answers } = await user.elsewhere(slow);
      const b = reason(answers.begin({ operationId: "b", input: "b", supersede: true }).then((one) => one.close()));
      await expect.poll(() => tries).toBe(2);
      await a.close();
      const c = await reason(user.begin("c", { input: "c" }).then((one) => one.close()));
      goOn();
      const isRefused = (c as { code?: string } | undefined)?.code === "CONVERSATION_BUSY";
      return (await b) === undefined && isRefused && same(await user.stored(), ["human: Hi", "human: b"]);
    },
  },
  {
    name: "STOP_FORGETS",
    property: "stop_once",
    code: 'remember(operation, digest, "")\naskToStop(',
    replacement: "askToStop(",
    holds: async ({ user, late }) => {
      const answer = await user.begin();
      await user.answers.stop();
      await answer.close();
      const next = await user.begin("two", { input: "Else" });
      await late(stopAnswerScript);
      const marked = await client.get(user.keys.answer(user.id).stop);
      await next.close();
      return marked?.startsWith(next.begun.token) !== true;
    },
  },
  {
    name: "STOP_WITHOUT_TOKEN",
    property: "stop_once",
    code: "return target == token and reason or nil",
    replacement: "return reason",
    holds: async ({ user }) => {
      const answer = await user.begin();
      await user.answers.stop();
      await user.settle();
      const next = await user.begin("two", { input: "Else" });
      next.send("one");
      await next.close();
      const isStopped = next.signal.aborted;
      await answer.close();
      return !isStopped;
    },
  },
  {
    name: "STOP_DOES_NOT_SETTLE",
    property: "stop_heard",
    code: 'settleDead(answer, events, lease, holder, channel)\nlocal holds = redis.call("GET", lease)',
    replacement: 'local holds = redis.call("GET", lease)',
    holds: async ({ user, through }) => {
      const log = withLog(through);
      log.hush();
      const answer = await (await user.elsewhere(log.client)).answers.begin({ operationId: "one", input: "Hi" });
      await client.del(user.keys.turns(user.id).lease);
      expect(await user.answers.stop()).toBe(false);
      const error = await reason(answer.store(hello));
      await answer.close();
      return error !== undefined && same(await user.stored(), ["human: Hi"]);
    },
  },
  {
    name: "RESEND_DROPS_STOP",
    property: "stop_heard",
    code: "holdLease(lease, holder, token, duration)\n  return before",
    replacement: 'holdLease(lease, holder, token, duration)\n  redis.call("DEL", stop)\n  return before',
    holds: async ({ user, late }) => {
      const answer = await user.begin();
      expect(await user.answers.stop()).toBe(true);
      await late(beginAnswerScript);
      const marked = await client.get(user.keys.answer(user.id).stop);
      await answer.close();
      return marked?.startsWith(`${answer.begun.token} `) === true;
    },
  },
  {
    name: "READ_OF_ANY_RUN",
    property: "followers_end",
    code: 'elseif run ~= "" and run ~= fields[1] then',
    replacement: "elseif false then",
    holds: async ({ user }) => {
      const answer = await user.begin();
      await answer.close();
      const next = await user.begin("two", { input: "Else" });
      await next.store(hello);
      await next.close();
      return same(await heard(user.answers, { after: `${answer.begun.run}-1` }), [{ end: "interrupted" }]);
    },
  },
  {
    name: "READ_DOES_NOT_SETTLE",
    property: "followers_end",
    code: "settleDead(answer, events, lease, holder, channel)\n  fields = read()",
    replacement: "",
    holds: async ({ user, through }) => {
      const log = withLog(through);
      const answer = await (await user.elsewhere(log.client)).answers.begin({ operationId: "one", input: "Hi" });
      answer.send("one");
      await isLogged(user, 1);
      log.hush();
      await client.del(user.keys.turns(user.id).lease);
      const follower = user.answers.follow();
      await follower.next();
      await follower.return();
      const end = await client.hget(user.keys.answer(user.id).answer, "end");
      await answer.close();
      return end === "interrupted";
    },
  },
];

const users: Answering[] = [];
afterEach(async () => {
  for (const user of users.splice(0)) await user.close();
});
async function placeOn(scripts: Client): Promise<Place> {
  const { client: through, late } = recorded(scripts);
  const user = await Answering.on(through);
  users.push(user);
  return { user, through, late };
}

describe.each(mutations)("$name, $property:", ({ code, replacement, holds }) => {
  test("holds", async () => {
    expect(await holds(await placeOn(client))).toBe(true);
  });

  test("fails in scripts with the mutation", async () => {
    expect(await holds(await placeOn(damaged(client, code, replacement)))).toBe(false);
  });
});
