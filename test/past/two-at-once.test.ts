// Two processes edit the same message: one wins, the other is told. One that is killed before it stores changes nothing.
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { LineProcess } from "../support/line-process.js";
import { client } from "../support/session-store.js";
import { type EditOrder, startEditing } from "./support/editing-processes.js";
import { SessionPast } from "./support/session-past.js";

const ROUNDS = 20;
const { single: address } = inject("servers");
const all = ["Q: one", "first", "Q: two", "second"];

const started: LineProcess[] = [];
let [one, other]: LineProcess[] = [];
beforeAll(() => {
  started.push(startEditing(), startEditing());
  [one, other] = started;
});
afterAll(async () => {
  await Promise.all(started.map(({ stop }) => stop()));
});

/** Has a process read the conversation, as a turn does that then asks the model. */
async function begin(
  editing: LineProcess | undefined,
  past: SessionPast,
  text: string,
): Promise<() => Promise<string>> {
  if (editing === undefined) return expect.unreachable();
  const keyPrefix = past.keys.base.split(":")[0] ?? "";
  const order: EditOrder = { address, keyPrefix, session: past.session, replaces: await past.at("Q: two"), text };
  editing.say(order);
  expect(await editing.hear()).toBe("begun");
  return () => {
    editing.say("store");
    return editing.hear().then(String);
  };
}

test(`of two edits at once, ${ROUNDS} times, one is stored whole and the other is a ConversationChangedError`, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const past = await SessionPast.of(client, [all.slice(0, 2), all.slice(2)]);
    const stores = [await begin(one, past, "by one"), await begin(other, past, "by other")];
    const turns = round % 2 === 0 ? stores : stores.toReversed();
    const outcomes = await Promise.all(turns.map((store) => store()));
    expect(new Set(outcomes)).toEqual(new Set(["CONVERSATION_CHANGED", "ok"]));
    const winner = (outcomes[0] === "ok") === (round % 2 === 0) ? "by one" : "by other";
    expect(await past.stored()).toEqual(["Q: one", "first", `Q: ${winner}`, `re: ${winner}`]);
  }
}, 60_000);

test("an edit whose process is killed between the model and the store leaves the old past, byte by byte", async () => {
  const past = await SessionPast.of(client, [all.slice(0, 2), all.slice(2)]);
  const killed = startEditing();
  started.push(killed);
  const before = await past.dump();
  await begin(killed, past, "never");
  await killed.stop();
  expect(await past.dump()).toEqual(before);
  expect(await past.stored()).toEqual(all);
  const store = await begin(one, past, "after all");
  expect(await store()).toBe("ok");
  expect(await past.stored()).toEqual(["Q: one", "first", "Q: after all", "re: after all"]);
}, 60_000);
