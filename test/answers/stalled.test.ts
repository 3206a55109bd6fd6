// P14: a process that answers stands still for longer than its lease, and goes on.
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { AIMessage } from "@langchain/core/messages";
import type { LineProcess } from "../support/line-process.js";
import { client } from "../support/session-store.js";
import { Answering, heard } from "./support/answering.js";
import { type AnswerOrder, startAnswering } from "./support/answering-processes.js";

const { single } = inject("servers");

let user: Answering;
let child: LineProcess;
beforeAll(() => {
  child = startAnswering();
});
afterAll(() => child.stop());
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

const order = (more: Partial<AnswerOrder>): AnswerOrder => ({
  address: single,
  keyPrefix: user.keyPrefix,
  session: user.session,
  ...more,
});
const begin = { operationId: "one", input: "Hi", lease: 2 };
const done = async (more: Partial<AnswerOrder>): Promise<void> => {
  child.say(order(more));
  expect(await child.hear()).toBe("done");
};

/** Stops the process until its lease has lapsed. */
async function stall(): Promise<void> {
  child.signal("SIGSTOP");
  await expect.poll(() => client.exists(user.keys.turns(user.id).lease), { timeout: 5_000 }).toBe(0);
}

test("it may store when nobody looked meanwhile", async () => {
  await done({ begin, send: ["one"] });
  await stall();
  child.signal("SIGCONT");
  await done({ send: ["two"], stores: "Hello", closes: true });
  expect(await heard(user.answers)).toEqual(["one", "two", { end: "stored" }]);
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
});

test.each([
  ["a follower", async () => heard(user.answers)],
  ["current()", async () => user.answers.current()],
])("it is refused once %s has settled it, and its log stays closed", async (_, settle) => {
  await done({ begin, send: ["one"] });
  await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
  await stall();
  await settle();
  child.signal("SIGCONT");
  child.say(order({ send: ["two"], stores: "Hello" }));
  expect(await child.hear()).toEqual({ code: "TURN_NOT_STORED", cause: "CONVERSATION_BUSY" });
  await done({ closes: true });
  expect(await heard(user.answers)).toEqual(["one", { end: "interrupted" }]);
  expect(await user.stored()).toEqual(["human: Hi"]);
  expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
});

test("it is refused once another answer began, which is not disturbed", async () => {
  await done({ begin, send: ["one"] });
  await stall();
  const answer = await user.begin("two", { input: "Else" });
  child.signal("SIGCONT");
  child.say(order({ send: ["two"], stores: "Hello" }));
  expect(await child.hear()).toEqual({ code: "TURN_NOT_STORED", cause: "CONVERSATION_BUSY" });
  await done({ closes: true });
  expect(await user.answers.current()).toMatchObject({ operationId: "two", state: "running" });
  answer.send("fine");
  await answer.store([new AIMessage("Fine")]);
  await answer.close();
  expect(await heard(user.answers)).toEqual(["fine", { end: "stored" }]);
  expect(await user.stored()).toEqual(["human: Hi", "human: Else", "ai: Fine"]);
});
