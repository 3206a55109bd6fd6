// A turn that read a history before a clear is not written behind it, whichever way the read learned the latest clear's mark:
// from the history's hash, or from the last entry of a list in which the process found messages before.
import { HumanMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { allTopologies, type Client } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const runs = amount(40, 1_000);

/** What one of the processes does. A turn reads with a history object of its own, as a request does, and appends later. */
const step = fc.record({
  process: fc.integer({ min: 0, max: 2 }),
  does: fc.constantFrom("begin a turn", "begin a turn", "end the turn", "end the turn", "end the turn", "clear"),
});

describe.each(allTopologies)("on $name", ({ connect }) => {
  let clients: Client[];
  beforeAll(() => {
    clients = [connect(), connect(), connect()];
  });
  afterAll(() => Promise.all(clients.map((client) => client.quit())));

  test("an append is refused if, and only if, a clear ran after its turn's read", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), async (steps) => {
        const sessionId = freshId();
        const open = (process: number): RedisChatMessageHistory =>
          new RedisChatMessageHistory({ client: clients[process] as Client, sessionId });
        let expected: string[] = [];
        let clears = 0;
        const turns: ({ history: RedisChatMessageHistory; clears: number } | undefined)[] = [];
        for (const [place, { process, does }] of steps.entries()) {
          const turn = turns[process];
          if (does === "clear") {
            await open(process).clear();
            expected = [];
            clears++;
          } else if (does === "begin a turn") {
            const history = open(process);
            const read = await history.getMessages();
            expect(read.map(({ text }) => text)).toEqual(expected);
            turns[process] = { history, clears };
          } else if (turn !== undefined) {
            const outcome = turn.history.addMessages([new HumanMessage(`${place}`)]);
            if (turn.clears === clears) {
              await outcome;
              expected.push(`${place}`);
            } else {
              await expect(outcome).rejects.toMatchObject({ code: "CONVERSATION_CHANGED" });
            }
          }
        }
      }),
      { numRuns: runs },
    );
  });

  test("an entry that something else wrote keeps no turn out for good", async () => {
    const [client] = clients as [Client];
    const sessionId = freshId();
    const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
    await open().addMessages([new HumanMessage("one")]);
    await open().clear();
    await open().addMessages([new HumanMessage("two")]);
    await client.rpush(`chat:history:{${sessionId}}:messages`, '{"type":"human","data":{"content":"three"},"at":1}');
    const turn = open();
    expect(await turn.getMessages()).toHaveLength(2);
    await expect(turn.addMessages([new HumanMessage("four")])).rejects.toMatchObject({ code: "CONVERSATION_CHANGED" });
    const next = open();
    await next.getMessages();
    await next.addMessages([new HumanMessage("four")]);
  });
});
