import { HumanMessage } from "@langchain/core/messages";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ConversationChangedError,
  ConversationNotFoundError,
  type RedisClient,
  SessionStore,
} from "langchain-redis-sessions";
import { conversationOf } from "../../src/chat-history/history.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

/** A client that does something else after each script it has run. */
function interrupted(afterEach: () => Promise<void>): RedisClient {
  const after = async (work: Promise<unknown>): Promise<unknown> => {
    const reply = await work;
    await afterEach();
    return reply;
  };
  return {
    status: client.status,
    evalsha: (sha, keys, values) => after(client.evalsha(sha, keys, values)),
    eval: (script, keys, values) => after(client.eval(script, keys, values)),
    call: (command, ...values) => client.call(command, ...values),
    pipeline: (commands) => client.pipeline(commands),
    duplicate: () => expect.unreachable(),
  };
}

test("a user with hundreds of conversations is erased in steps, between which nothing can be taken up again", async () => {
  const sessions = new SessionStore({ client });
  const user = { userId: freshId() };
  let { session } = await sessions.create({ ...user, agentId: "a" });
  const ids: string[] = [];
  for (let index = 0; index < 450; index++) {
    await sessions.history(session).addMessages([new HumanMessage("x")]);
    ids.push(session.conversationId);
    session = await sessions.openConversation(session);
  }
  let steps = 0;
  const refused: unknown[] = [];
  const changed: unknown[] = [];
  const erasing = new SessionStore({
    client: interrupted(async () => {
      steps += 1;
      const last = ids.at(-1) ?? "";
      const takenUp = sessions.create({ ...user, agentId: "a", conversationId: last });
      refused.push(await takenUp.catch((error: unknown) => error));
      refused.push(await sessions.conversations.messages(user, last).catch((error: unknown) => error));
      // A turn that was paused before goes on in a new session, as an agent's can.
      const anew = await sessions.create({ ...user, agentId: "a" });
      const paused = sessions.history({ ...anew.session, conversationId: last });
      conversationOf(paused).resume("");
      changed.push(await paused.addMessages([new HumanMessage("late")]).catch((error: unknown) => error));
    }),
  });
  expect(await erasing.eraseUser(user)).toEqual({ sessions: 1, conversations: 450, memories: 0, threads: 0, items: 0 });
  expect(steps).toBe(3);
  expect(refused).toHaveLength(6);
  for (const error of refused) expect(error).toBeInstanceOf(ConversationNotFoundError);
  expect(changed).toHaveLength(3);
  for (const error of changed) expect(error).toBeInstanceOf(ConversationChangedError);
  expect(await sessions.conversations.list(user)).toEqual([]);
});
