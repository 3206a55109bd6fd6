// P16: a turn that replaces a user's message is stored in place of it and all behind it, or nothing is changed.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { Turn } from "../../src/turns/turn.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { isSealed } from "../support/sealed.js";
import { freshId, texts } from "../support/turns.js";
import { said } from "./support/conversations.js";
import { outcomeOf, ToldSettings, writeOutcomeOf } from "./support/outcomes.js";
import { SessionPast } from "./support/session-past.js";

const all = ["Q: one", "first", "Q: two", "second", "Q: three", "third"];

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("a turn that replaces, on $name,", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  let past: SessionPast;
  let edit: Turn;
  beforeEach(async () => {
    past = await SessionPast.of(client, [all.slice(0, 2), all.slice(2, 4), all.slice(4)]);
    edit = await past.begin({ replaces: await past.at("Q: two") });
  });
  const edited = ["Q: one", "first", "Q: edited", "new"];

  test("sees what is in front of it, leaves the old past until it is stored, and then takes its place", async () => {
    expect(texts(edit.past)).toEqual(["Q: one", "first"]);
    expect(texts(await edit.everything())).toEqual(["Q: one", "first"]);
    expect(await past.stored()).toEqual(all);
    const first = (await past.messages()).slice(0, 2);
    await edit.store(said("Q: edited", "new"));
    expect(await past.stored()).toEqual(edited);
    expect((await past.messages()).slice(0, 2)).toEqual(first);
  });

  test("that is stored is a conflict when it is repeated, also when its operation id is forgotten", async () => {
    const replaces = await past.at("Q: two");
    const named = await past.begin({ replaces, operationId: "edit" });
    await named.store(said("Q: edited", "new"));
    for (let time = 0; time < 2; time++) {
      expect(await outcomeOf(past.begin({ replaces, operationId: "edit" }))).toBe("OPERATION_CONFLICT");
      await client.del(past.keys.operation("edit"));
    }
    expect(await past.stored()).toEqual(edited);
  });

  test("may replace the first message, and again what it has stored", async () => {
    const first = await past.begin({ replaces: await past.at("Q: one") });
    expect(first.past).toEqual([]);
    await first.store(said("Q: anew", "new"));
    expect(await past.stored()).toEqual(["Q: anew", "new"]);
    const second = await past.begin({ replaces: await past.at("Q: anew") });
    await second.store(said("Q: once more", "newer"));
    expect(await past.stored()).toEqual(["Q: once more", "newer"]);
  });

  test.each([1, 2, 3, 6, 100])("sees through a window of %i messages what is in front of it", async (messages) => {
    const windowed = await SessionPast.of(client, [all.slice(0, 2), all.slice(2, 4), all.slice(4)], {
      window: { messages },
    });
    const turn = await windowed.begin({ replaces: await windowed.at("Q: three") });
    const shown = { 1: [], 2: ["Q: two", "second"], 3: ["Q: two", "second"] }[messages] ?? all.slice(0, 4);
    expect(texts(turn.past)).toEqual(shown);
    await turn.store(said("Q: edited", "new"));
    expect((await windowed.messages()).map(({ message }) => message.text)).toEqual([
      ...all.slice(0, 4),
      "Q: edited",
      "new",
    ]);
  });

  const interruptions: Record<string, (turn: Turn) => Promise<unknown>> = {
    "is interrupted": (turn) => turn.interrupt(said("Q: edited", "par").messages),
    "is abandoned": async (turn) => turn.abandon(),
    "is left": async () => {},
    "is stored with a message that cannot be": (turn) =>
      turn.store({ messages: () => [new HumanMessage("x".repeat(9_000_000))], output: undefined }).catch(() => {}),
  };

  test.each(Object.entries(interruptions))("leaves the old past, byte by byte, when it %s", async (_how, interrupt) => {
    const before = await past.dump();
    for (const onInterrupt of ["keep", "discard"] as const) {
      const settings = new ToldSettings(onInterrupt);
      await interrupt(await past.begin({ replaces: await past.at("Q: two"), operationId: "one" }, settings));
      expect(settings.told).toEqual([]);
    }
    expect(await past.dump()).toEqual(before);
  });

  const meanwhile: Record<string, (one: SessionPast) => Promise<unknown>> = {
    "another turn is stored": (one) => one.append("Q: four", "fourth"),
    "another edit is stored": async (one) =>
      (await one.begin({ replaces: await one.at("Q: three") })).store(said("Q: edited", "by another")),
    "an edit of the same message is stored": async (one) =>
      (await one.begin({ replaces: await one.at("Q: two") })).store(said("Q: two", "second", "Q: three", "third")),
    "a part of a turn is stored": async (one) => (await one.begin({ operationId: "o" })).storeStep(said("Q: part")),
    "a part comes and is taken back": async (one) => {
      const turn = await one.begin({}, new ToldSettings("discard"));
      await turn.storeStep(said("Q: part"));
      await turn.interrupt(said().messages);
    },
    "it is rewound": async (one) =>
      one.store.conversations.rewind(one.session, one.id, { before: await one.at("Q: three") }),
    "it is cleared": (one) => one.store.history(one.session).clear(),
    "it is cleared, and written anew": async (one) => {
      await one.store.history(one.session).clear();
      await one.append(...all);
    },
    "it is deleted": (one) => one.store.conversations.delete(one.session, one.id),
    "it expires": (one) => client.del(one.keys.messages(one.id), one.keys.conversation(one.id)),
    "it expires, and is written anew": async (one) => {
      await client.del(one.keys.messages(one.id), one.keys.conversation(one.id));
      await one.append(...all);
    },
    "its messages are evicted": (one) => client.del(one.keys.messages(one.id)),
    "its record is evicted": (one) => client.del(one.keys.conversation(one.id)),
    "its user is erased": (one) => one.store.eraseUser(one.session),
    "its session ends": (one) => one.store.endById(one.session, one.session.id),
  };

  const ending: ReadonlySet<string> = new Set(["its user is erased", "its session ends"]);

  test.each(Object.entries(meanwhile))("is refused when %s meanwhile, and changes nothing", async (what, change) => {
    await change(past);
    const before = await past.dump();
    const refusal = ending.has(what) ? "SESSION_NOT_FOUND" : "CONVERSATION_CHANGED";
    expect(await writeOutcomeOf(edit.store(said("Q: edited", "new")))).toBe(refusal);
    expect(await writeOutcomeOf(edit.store(said("Q: edited", "new")))).toBe(refusal);
    expect(await past.dump()).toEqual(before);
  });

  test("fences the turns that read the old past, and parts of such a turn", async () => {
    const [begun, withParts] = [await past.begin(), await past.begin({ operationId: "one" })];
    const late = await past.begin({ replaces: await past.at("Q: three") });
    await edit.store(said("Q: edited", "new"));
    for (const turn of [begun, withParts, late]) {
      expect(await writeOutcomeOf(turn.store(said("Q: late", "late")))).toBe("CONVERSATION_CHANGED");
    }
    expect(await past.stored()).toEqual(edited);
    const next = await past.begin();
    await next.store(said("Q: next", "answer"));
    expect(await past.stored()).toEqual([...edited, "Q: next", "answer"]);
  });

  test("with steps replaces with its first, goes on behind it, and can be repeated from there", async () => {
    const position = await past.at("Q: three");
    const turn = await past.begin({ replaces: position, operationId: "one" });
    await turn.storeStep(said("Q: edited"));
    await turn.storeStep(said("a step"));
    expect(await past.stored()).toEqual([...all.slice(0, 4), "Q: edited", "a step"]);
    // The position is gone, and the repeated request names it all the same: its own parts give way.
    const again = await past.begin({ replaces: position, operationId: "one" });
    expect(texts(again.past)).toEqual(all.slice(0, 4));
    await again.store(said("Q: edited", "new"));
    expect(await past.stored()).toEqual([...all.slice(0, 4), "Q: edited", "new"]);
    expect(await outcomeOf(past.begin({ replaces: position, operationId: "one" }))).toBe("OPERATION_CONFLICT");
  });

  test("replaces while it holds the lease, and gives it back", async () => {
    const settings = Object.assign(new ToldSettings(), { concurrency: "reject" });
    const turn = await past.begin({ replaces: await past.at("Q: two") }, settings);
    expect(await outcomeOf(past.begin({}, settings))).toBe("CONVERSATION_BUSY");
    await turn.store(said("Q: edited", "new"));
    expect(await past.stored()).toEqual(edited);
    await (await past.begin({}, settings)).store(said("Q: next"));
  });

  describe("after a pause", () => {
    const resume = (): Promise<Turn> => {
      const { operationId, attempt, named, seen, fence } = edit;
      const run = { operationId, attempt, named, seen, fence, stored: 0, ended: false, lease: undefined };
      return Turn.resume(past.store.history(past.session), new ToldSettings(), {}, run);
    };

    test("goes on, and when it is stored is refused once more", async () => {
      await (await resume()).store(said("Q: edited", "new"));
      expect(await past.stored()).toEqual(edited);
      const before = await past.dump();
      expect(await writeOutcomeOf((await resume()).store(said("Q: again", "new")))).toBe("OPERATION_CONFLICT");
      expect(await past.dump()).toEqual(before);
    });

    test.each(Object.entries(meanwhile).filter(([what]) => !ending.has(what)))(
      "is refused when %s in between, and changes nothing",
      async (what, change) => {
        await change(past);
        const before = await past.dump();
        if (isSealed && what === "its record is evicted") {
          // Sealed messages cannot be opened without their record, which says how they are sealed.
          expect(await outcomeOf(resume())).toBe("CORRUPT_MESSAGE");
        } else {
          expect(await writeOutcomeOf((await resume()).store(said("Q: edited", "new")))).toBe("CONVERSATION_CHANGED");
        }
        expect(await past.dump()).toEqual(before);
      },
    );
  });

  test("on one history object with others replaces what it read, and no other write replaces anything", async () => {
    const history = past.store.history(past.session);
    const replaces = await past.at("Q: three");
    const begin = (call: { replaces?: string }) => Turn.begin(history, new ToldSettings(), call);
    (await begin({ replaces })).abandon();
    await history.addMessages([new HumanMessage("Q: four"), new AIMessage("fourth")]);
    expect(await past.stored()).toEqual([...all, "Q: four", "fourth"]);
    const turn = await begin({ replaces });
    await history.getMessages();
    await turn.store(said("Q: edited", "new"));
    expect(await past.stored()).toEqual([...all.slice(0, 4), "Q: edited", "new"]);
  });

  test("needs a session: a history on its own has no positions", async () => {
    const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
    const call = { replaces: "1-1" };
    expect(await outcomeOf(Turn.begin(history, new ToldSettings(), call))).toBe("INVALID_OPTION");
  });
});
