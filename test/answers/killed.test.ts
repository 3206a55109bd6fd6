// P14: a process that answers is killed, at every step. Others know it within the lease and one poll.
import { AIMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { LineProcess } from "../support/line-process.js";
import { client } from "../support/session-store.js";
import { all, Answering, heard, reason, said } from "./support/answering.js";
import { type AnswerOrder, startAnswering } from "./support/answering-processes.js";
import { closingIn } from "../support/closing.js";

const { single } = inject("servers");
const { through } = closingIn(afterEach);
const LEASE = 2;

let user: Answering;
let child: LineProcess;
beforeEach(async () => {
  user = await Answering.on(client);
  child = startAnswering();
});
afterEach(async () => {
  await child.stop();
  await user.close();
});

const order = (more: Partial<AnswerOrder>): AnswerOrder => ({
  address: single,
  keyPrefix: user.keyPrefix,
  session: user.session,
  ...more,
});
const begin = { operationId: "one", input: "Hi", lease: LEASE };
const done = async (more: Partial<AnswerOrder>): Promise<void> => {
  child.say(order(more));
  expect(await child.hear()).toBe("done");
};

/** What is known of the dead process's answer, and that the question can be asked again, once. */
async function askedAgain(kept: readonly string[], events: readonly unknown[]): Promise<void> {
  const { answers } = await user.elsewhere();
  expect(await heard(answers)).toEqual([...events, { end: "interrupted" }]);
  const current = await answers.current();
  expect(current).toMatchObject({ operationId: "one", state: "interrupted" });
  expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
  expect(await user.stored()).toEqual(kept);
  const answer = await answers.begin({ operationId: "one", input: "Hi" });
  answer.send("again");
  await answer.store([new AIMessage("Hello again")]);
  await answer.close();
  expect(await heard(answers)).toEqual(["again", { end: "stored" }]);
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello again"]);
  expect(await answers.current()).toBeUndefined();
}

describe("killed", () => {
  test("before it hears that it has begun: the question is there, and can be asked again", async () => {
    const proxy = await through(single);
    // The server knows the scripts from here on: what gets lost is a reply, not NOSCRIPT.
    await (await (await Answering.on(client)).begin()).close();
    child.say(order({ address: { host: "127.0.0.1", port: proxy.port } }));
    expect(await child.hear()).toBe("done");
    proxy.dropReplies({ command: ["EVALSHA", "EVAL"], count: 100 });
    child.say(order({ address: { host: "127.0.0.1", port: proxy.port }, begin }));
    await expect.poll(() => user.stored()).toEqual(["human: Hi"]);
    await child.stop();
    await askedAgain(["human: Hi"], []);
  });

  test("before its first event: current() settles it, too", async () => {
    await done({ begin });
    await child.stop();
    expect(await user.answers.current()).toMatchObject({ state: "running" });
    await expect.poll(() => user.answers.current(), { timeout: 5_000 }).toMatchObject({ state: "interrupted" });
    await askedAgain(["human: Hi"], []);
  });

  test("in the middle, while another process follows: that one gets what was logged, and the end", async () => {
    await done({ begin, runs: ["Hel", "lo"], send: ["Hel", "lo"] });
    const { answers } = await user.elsewhere();
    const following = answers.follow();
    expect(said([(await following.next()).value as never])).toEqual(["Hel"]);
    const rest = all(following);
    await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(3);
    await child.stop();
    expect(said(await rest)).toEqual(["lo", { end: "interrupted" }]);
    await askedAgain(["human: Hi"], ["Hel", "lo"]);
  });

  test("between the model and the store: stop() settles it, too, and says that nothing runs", async () => {
    await done({ begin, send: ["Hello"] });
    await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
    await child.stop();
    await expect.poll(() => client.exists(user.keys.turns(user.id).lease), { timeout: 5_000 }).toBe(0);
    expect(await user.answers.stop()).toBe(false);
    await askedAgain(["human: Hi"], ["Hello"]);
  });

  test("between the store and close(): the turn is stored, and followers hear the end when the lease is over", async () => {
    await done({ begin, send: ["Hello"], stores: "Hello" });
    await child.stop();
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "stored" });
    expect(await user.answers.current()).toBeUndefined();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
    // The conversation was given back by the store itself.
    await (await user.begin("two")).close();
  });
});
