// A position names one message for as long as it exists. Whatever else is given for one is refused, and nothing is changed.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoredMessage } from "langchain-redis-sessions";
import { isSealed } from "../support/sealed.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { outcomeOf } from "./support/outcomes.js";
import { SessionPast } from "./support/session-past.js";

const turns = [
  ["Q: one", "first"],
  ["Q: two", "a call", "its result", "second"],
  ["Q: three", "third"],
];

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("positions on $name", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  const refusing: Record<string, (past: SessionPast, position: string) => Promise<unknown>> = {
    "messages({ before })": ({ store, session, id }, before) => store.conversations.messages(session, id, { before }),
    rewind: ({ store, session, id }, before) => store.conversations.rewind(session, id, { before }),
    fork: ({ store, session, id }, before) => store.conversations.fork(session, id, { before }),
    "a turn that replaces": (past, replaces) => past.begin({ replaces }),
  };

  const gone: Record<string, (past: SessionPast) => Promise<string>> = {
    "of another conversation of the user": async ({ store, session }) => {
      const fork = await store.conversations.fork(session, session.conversationId);
      const messages = await store.conversations.messages(session, fork.id);
      return messages[2]?.position ?? "";
    },
    "of another user's conversation": async () => (await SessionPast.of(client, turns)).at("Q: two"),
    "of a message that was rewound": async (past) => {
      const position = await past.at("Q: three");
      await past.store.conversations.rewind(past.session, past.id, { before: position });
      await past.append("Q: three", "third");
      return position;
    },
    "of a message that was replaced": async (past) => {
      const position = await past.at("Q: three");
      const edit = await past.begin({ replaces: position });
      await edit.store({ messages: () => past.turn("Q: three", "third"), output: undefined });
      return position;
    },
    "of a cleared conversation": async (past) => {
      const position = await past.at("Q: two");
      await past.store.history(past.session).clear();
      for (const turn of turns) await past.append(...turn);
      return position;
    },
    "of an expired conversation": async (past) => {
      const position = await past.at("Q: two");
      await client.del(past.keys.messages(past.id), past.keys.conversation(past.id));
      for (const turn of turns) await past.append(...turn);
      return position;
    },
    "of messages that were evicted": async (past) => {
      const position = await past.at("Q: two");
      await client.del(past.keys.messages(past.id));
      for (const turn of turns) await past.append(...turn);
      return position;
    },
    // The record says with which lineage the messages are sealed.
    ...(!isSealed && {
      "that was read while the record was evicted": async (past: SessionPast) => {
        await client.del(past.keys.conversation(past.id));
        const position = await past.at("Q: two");
        await past.append("Q: four", "fourth");
        return position;
      },
    }),
    "behind the last message": async (past) => {
      const [era = "", number = ""] = ((await past.messages()).at(-1)?.position ?? "").split("-");
      return `${era}-${Number(number) + 1}`;
    },
    "with the number spelled otherwise": async (past) => (await past.at("Q: two")).replace("-", "-0"),
    "with another era": async (past) => (await past.at("Q: two")).replace(/^./u, "9"),
    "with an era of nothing": async (past) => (await past.at("Q: two")).replace(/^\d+/u, "0"),
    "with the largest numbers": async () => `${"9".repeat(17)}-${"9".repeat(15)}`,
  };

  test.each(Object.keys(refusing).flatMap((call) => Object.keys(gone).map((what) => [what, call] as const)))(
    "a position %s is a PositionNotFoundError of %s, and nothing is changed",
    async (what, call) => {
      const past = await SessionPast.of(client, turns);
      const position = (await gone[what]?.(past)) ?? "";
      const before = await past.dump();
      expect(await outcomeOf(refusing[call]?.(past, position) ?? Promise.resolve())).toBe("POSITION_NOT_FOUND");
      expect(await past.dump()).toEqual(before);
    },
  );

  const malformed: readonly [what: string, position: unknown][] = [
    ["empty", ""],
    ["a word", "last"],
    ["without an era", "-3"],
    ["negative", "0--3"],
    ["a fraction", "1-2.5"],
    ["too long", `${"1".repeat(18)}-1`],
    ["with a line break behind it", "1-1\n"],
    ["with NUL", "1-1\0"],
    ["in other digits", "١-١"],
    ["an exponent", "1-1e3"],
    ["hexadecimal", "1-0x1"],
    ["a list", ["1-1"]],
    ["an object with toString", { toString: () => "1-1" }],
    ["null", null],
    ["huge", "9".repeat(100_000)],
  ];
  const readsIndexes = "messages({ before })";

  test.each(Object.keys(refusing).flatMap((call) => malformed.map(([what, value]) => ({ what, value, call }))))(
    "a position that is $what is an InvalidOptionError of $call, and nothing is changed",
    async ({ value, call }) => {
      const past = await SessionPast.of(client, turns);
      const before = await past.dump();
      expect(await outcomeOf(refusing[call]?.(past, value as string) ?? Promise.resolve())).toBe("INVALID_OPTION");
      expect(await past.dump()).toEqual(before);
    },
  );

  const notQuestions = ["first", "a call", "its result", "second", "third"];
  test.each(
    Object.keys(refusing)
      .filter((call) => call !== readsIndexes)
      .flatMap((call) => notQuestions.map((text) => [text, call] as const)),
  )("the position of %j, which no user said, is an InvalidOptionError of %s", async (text, call) => {
    const past = await SessionPast.of(client, turns);
    const position = await past.at(text);
    const before = await past.dump();
    expect(await outcomeOf(refusing[call]?.(past, position) ?? Promise.resolve())).toBe("INVALID_OPTION");
    expect(await past.dump()).toEqual(before);
  });

  test("the position of a message stays while maxMessages removes those in front of it, and is then gone", async () => {
    const past = await SessionPast.of(client, [["Q: 0", "0"]], { maxMessages: 5 });
    const known = new Map<string, string>();
    for (let round = 1; round <= 12; round++) {
      await past.append(`Q: ${round}`, `${round}`);
      for (const { message, position } of await past.messages()) {
        expect(known.get(message.text) ?? position).toBe(position);
        known.set(message.text, position);
      }
    }
    expect(new Set(known.values()).size).toBe(known.size);
    for (const [text, position] of known) {
      const outcome = await outcomeOf(past.store.conversations.messages(past.session, past.id, { before: position }));
      expect(outcome).toBe((await past.stored()).includes(text) ? "ok" : "POSITION_NOT_FOUND");
    }
  });

  test("pages by position neither leave out nor repeat a message while turns are appended and removed", async () => {
    const past = await SessionPast.of(client, [], { maxMessages: 40 });
    for (let round = 0; round < 20; round++) await past.append(`Q: ${round}`, `${round}`);
    const all = await past.stored();
    const pages: StoredMessage[] = [];
    for (let page = 0; page < 10; page++) {
      const before = pages[0]?.position;
      const options = { limit: 3, ...(before === undefined ? {} : { before }) };
      pages.unshift(...(await past.store.conversations.messages(past.session, past.id, options)));
      if (page < 4) await past.append(`Q: new ${page}`);
    }
    expect(pages.map(({ message }) => message.text)).toEqual(all.slice(-30));
  });

  test("positions cost a number for each place where the past was cut, and no more", async () => {
    const past = await SessionPast.of(client, turns);
    for (let round = 0; round < 30; round++) {
      const edit = await past.begin({ replaces: await past.at("Q: three") });
      await edit.store({ messages: () => past.turn("Q: three", `answer ${round}`), output: undefined });
    }
    expect((await client.hget(past.keys.conversation(past.id), "eras"))?.split(" ")).toHaveLength(2);
    for (let round = 0; round < 30; round++) {
      await past.append(`Q: ${round}`, "answer");
      const edit = await past.begin({ replaces: await past.at(`Q: ${round}`) });
      await edit.store({ messages: () => past.turn(`Q: ${round}`, "another"), output: undefined });
    }
    expect((await client.hget(past.keys.conversation(past.id), "eras"))?.split(" ")).toHaveLength(32);
    await past.store.conversations.rewind(past.session, past.id, { before: await past.at("Q: two") });
    expect((await client.hget(past.keys.conversation(past.id), "eras"))?.split(" ")).toHaveLength(2);
  });
});
