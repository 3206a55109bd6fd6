// P13: a request that fails and is repeated is in the conversation once, whatever of it was stored before.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Turn } from "../../src/turns/turn.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { texts } from "../support/turns.js";
import { begin, ofSessions, onItsOwn, type PastConversation, said } from "./support/conversations.js";
import { outcomeOf, writeOutcomeOf } from "./support/outcomes.js";

describe.each(
  [onOneRedis, topologies[1] ?? onOneRedis].flatMap(({ name, connect }) => [
    { name, connect, kind: "a history", make: onItsOwn },
    { name, connect, kind: "sessions of one user", make: ofSessions },
  ]),
)("a request of $kind on $name", ({ connect, make }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  let conversation: PastConversation;
  beforeEach(async () => {
    conversation = make(client);
    await (await conversation.open()).addMessages(said("Q: before", "was answered").messages());
  });
  const before = ["Q: before", "was answered"];
  const stored = async (): Promise<string[]> => texts(await (await conversation.open()).getMessages());
  const note = (): Promise<string | null> => client.hget(conversation.notes, "unfinished");

  test("that fails any number of times, in any way, leaves its question once", async () => {
    const fail: ((turn: Turn) => Promise<unknown>)[] = [
      async () => {},
      (turn) => turn.interrupt(said("Q: Hi", "par").messages),
      (turn) => turn.interrupt(said("Q: Hi").messages),
      (turn) => turn.storeStep(said("Q: Hi")),
      async (turn) => {
        await turn.storeStep(said("Q: Hi"));
        await turn.storeStep(said("a step"));
        await turn.interrupt(said("part of an answer").messages);
      },
    ];
    for (let round = 0; round < 15; round++) {
      const turn = await begin(conversation, "one");
      expect(texts(turn.past)).toEqual(before);
      await fail[(round * 7) % fail.length]?.(turn);
      expect((await stored()).filter((text) => text === "Q: Hi").length).toBeLessThanOrEqual(1);
      expect((await stored()).slice(0, 2)).toEqual(before);
    }
    const turn = await begin(conversation, "one");
    await turn.storeStep(said("Q: Hi"));
    await turn.store(said("answer"));
    expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
    expect(await note()).toBeNull();
    expect(await outcomeOf(begin(conversation, "one"))).toBe("OPERATION_CONFLICT");
  });

  test.each([1, 2, 3, 4, 100])("does not see its own parts through a window of %i messages", async (messages) => {
    const window = { messages };
    const failed = await begin(conversation, "one");
    await failed.storeStep(said("Q: Hi"));
    await failed.storeStep(said("a step"));
    await failed.interrupt(said("part").messages);
    const again = await begin(conversation, "one", { window });
    expect(texts(again.past)).toEqual(messages === 1 ? [] : before);
    expect(texts(await again.everything())).toEqual(before);
    const other = await begin(conversation, "two", { window });
    expect(texts(other.past)).toEqual(
      [...before, "Q: Hi", "a step", "part"].slice(-messages).slice(messages < 3 ? 9 : messages === 4 ? 1 : 0),
    );
    await again.store(said("Q: Hi", "answer"));
    expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
  });

  test("whose parts another turn follows is a new turn: the parts stay, and the question comes again", async () => {
    const failed = await begin(conversation, "one");
    await failed.storeStep(said("Q: Hi"));
    await (await conversation.open()).addMessages(said("Q: other", "other answer").messages());
    const past = [...before, "Q: Hi", "Q: other", "other answer"];
    const again = await begin(conversation, "one");
    expect(texts(again.past)).toEqual(past);
    await again.storeStep(said("Q: Hi"));
    await again.store(said("answer"));
    expect(await stored()).toEqual([...past, "Q: Hi", "answer"]);
  });

  test("that runs on while others write keeps its parts where they are, and appends the rest", async () => {
    const turn = await begin(conversation, "one");
    await turn.storeStep(said("Q: Hi"));
    await (await conversation.open()).addMessages(said("Q: other", "other answer").messages());
    await turn.storeStep(said("a step"));
    await turn.store(said("answer"));
    expect(await stored()).toEqual([...before, "Q: Hi", "Q: other", "other answer", "a step", "answer"]);
    expect(await note()).toBeNull();
  });

  test("that runs twice at once belongs to the newest run that wrote", async () => {
    const [older, newer] = [await begin(conversation, "one"), await begin(conversation, "one")];
    await older.storeStep(said("Q: Hi"));
    await newer.storeStep(said("Q: Hi"));
    expect(await stored()).toEqual([...before, "Q: Hi"]);
    await older.storeStep(said("dropped"));
    expect(await stored()).toEqual([...before, "Q: Hi"]);
    expect(await writeOutcomeOf(older.store(said("too late")))).toBe("OPERATION_CONFLICT");
    await newer.store(said("answer"));
    expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
  });

  test("that a later run has replaced does not go on behind other messages", async () => {
    const [older, newer] = [await begin(conversation, "one"), await begin(conversation, "one")];
    await older.storeStep(said("Q: Hi"));
    await newer.storeStep(said("Q: Hi"));
    await (await conversation.open()).addMessages(said("Q: other", "other answer").messages());
    await older.storeStep(said("dropped"));
    expect(await writeOutcomeOf(older.store(said("an answer without its question")))).toBe("OPERATION_CONFLICT");
    await newer.store(said("answer"));
    expect(await stored()).toEqual([...before, "Q: Hi", "Q: other", "other answer", "answer"]);
  });

  test.each(["keep", "discard"] as const)(
    "that a later run has replaced changes nothing when it is interrupted, with %s",
    async (onInterrupt) => {
      const older = await begin(conversation, "one", { onInterrupt });
      await older.storeStep(said("Q: Hi"));
      const newer = await begin(conversation, "one");
      await newer.storeStep(said("Q: Hi", "a step"));
      await older.interrupt(said("part").messages);
      expect(await stored()).toEqual([...before, "Q: Hi", "a step"]);
      await newer.store(said("answer"));
      expect(await stored()).toEqual([...before, "Q: Hi", "a step", "answer"]);
    },
  );

  test("drops the parts of another run once it is stored", async () => {
    const late = await begin(conversation, "one");
    await late.storeStep(said("Q: Hi"));
    const turn = await begin(conversation, "one");
    await turn.store(said("Q: Hi", "answer"));
    await late.storeStep(said("late"));
    await late.interrupt(said("later").messages);
    expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
    expect(await note()).toBeNull();
  });

  test("is told the conflict, not success, when the run that replaced it ended with the same answer", async () => {
    const older = await begin(conversation, "one");
    await older.storeStep(said("Q: Hi", "the older step"));
    const newer = await begin(conversation, "one");
    await newer.storeStep(said("Q: Hi", "the newer step"));
    await newer.store(said("the same"));
    expect(await writeOutcomeOf(older.store(said("the same")))).toBe("OPERATION_CONFLICT");
    expect(await stored()).toEqual([...before, "Q: Hi", "the newer step", "the same"]);
  });

  test("that is stored is still a conflict when its operation id is forgotten", async () => {
    const late = await begin(conversation, "one");
    const turn = await begin(conversation, "one");
    await turn.store(said("Q: Hi", "answer"));
    await client.del(conversation.operation("one"));
    expect(await outcomeOf(begin(conversation, "one"))).toBe("OPERATION_CONFLICT");
    await late.storeStep(said("late part"));
    expect(await writeOutcomeOf(late.store(said("late answer")))).toBe("OPERATION_CONFLICT");
    expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
  });

  test("takes back what it has stored, when it discards, and nothing else", async () => {
    const turn = await begin(conversation, "one", { onInterrupt: "discard" });
    await turn.storeStep(said("Q: Hi"));
    await turn.storeStep(said("a step"));
    await turn.interrupt(said("part").messages);
    expect(await stored()).toEqual(before);
    expect(await note()).toBeNull();
    const followed = await begin(conversation, "one", { onInterrupt: "discard" });
    await followed.storeStep(said("Q: Hi"));
    await (await conversation.open()).addMessages(said("Q: other", "other answer").messages());
    await followed.interrupt(said("part").messages);
    expect(await stored()).toEqual([...before, "Q: Hi", "Q: other", "other answer"]);
  });

  test.each(["takes back", "adds"])("that %s nothing leaves the note of a turn behind it", async (how) => {
    const turn = await begin(conversation, "one", { onInterrupt: "discard" });
    await turn.storeStep(said("Q: one"));
    const other = await begin(conversation, "two");
    await other.storeStep(said("Q: two"));
    if (how === "adds") await turn.store(said());
    else await turn.interrupt(said("part").messages);
    const again = await begin(conversation, "two");
    expect(texts(again.past)).toEqual([...before, "Q: one"]);
    await again.store(said("Q: two", "answer"));
    expect(await stored()).toEqual([...before, "Q: one", "Q: two", "answer"]);
  });

  test.each(["a b", "7 7 x y", "line\nbreak", "nul\0", "\n", " ", "%d+ .*", "é €😀", "x".repeat(1_024)])(
    "may be named %j",
    async (operationId) => {
      const failed = await begin(conversation, operationId);
      await failed.storeStep(said("Q: Hi"));
      const again = await begin(conversation, operationId);
      expect(texts(again.past)).toEqual(before);
      await again.storeStep(said("Q: Hi"));
      await again.store(said("answer"));
      expect(await stored()).toEqual([...before, "Q: Hi", "answer"]);
      await client.del(conversation.operation(operationId));
      expect(await outcomeOf(begin(conversation, operationId))).toBe("OPERATION_CONFLICT");
    },
  );

  test("may have more parts than maxMessages keeps", async () => {
    const options = { maxMessages: 3 };
    const failed = await begin(conversation, "one", options);
    await failed.storeStep(said("Q: Hi"));
    for (const step of ["1", "2", "3"]) await failed.storeStep(said(step));
    await failed.interrupt(said("part").messages);
    expect(await stored()).toEqual(["2", "3", "part"]);
    const again = await begin(conversation, "one", options);
    expect(again.past).toEqual([]);
    await again.storeStep(said("Q: Hi"));
    await again.store(said("answer"));
    expect(await stored()).toEqual(["Q: Hi", "answer"]);
  });
});
