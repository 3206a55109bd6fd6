// The same promises in each framework, over real connections. (In test/large, Next.js itself builds and serves a chat.)
import { getEventListeners } from "node:events";
import { AIMessage } from "@langchain/core/messages";
import { afterEach, describe, expect, test } from "vitest";
import { sessions } from "../support/session-store.js";
import { closingIn } from "../support/closing.js";
import { freshId, texts } from "../support/turns.js";
import { programs } from "./support/answer-programs.js";
import { type Asked, EventReader, type SentEvent } from "./support/sent-events.js";

const { closing } = closingIn(afterEach);
const WORDS = ["one", "two", "three", "four"];

describe.each(programs)("with $name", ({ start }) => {
  const program = async () => {
    const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
    const answers = sessions.answers(session);
    let say!: (word: string) => void;
    let end!: () => Promise<void>;
    const begin = async () => {
      const answer = await answers.begin({ operationId: freshId(), input: "Hi" });
      closing.push(() => answer.close());
      say = (word) => answer.send(word);
      end = async () => {
        await answer.store([new AIMessage(WORDS.join(" "))]);
        await answer.close();
      };
      return answer;
    };
    const { signal } = new AbortController();
    const service = await start({ answers, signal, begin });
    closing.push(() => service.close());
    const open = async (asked: Asked = {}): Promise<EventReader> => {
      const reader = await EventReader.open(`${service.url}/`, asked);
      closing.push(() => reader.lose());
      return reader;
    };
    return { session, answers, signal, open, say: (word: string) => say(word), end: () => end() };
  };

  test("a client that loses its connection after each event, and at last after the end, gets each once", async () => {
    const { session, answers, open, say, end } = await program();
    const heard: SentEvent[] = [];
    for (const [index, word] of WORDS.entries()) {
      const reader = await open(index === 0 ? { method: "POST" } : { lastEventId: heard.at(-1)?.id });
      expect(reader.status).toBe(200);
      say(word);
      heard.push(...(await reader.read(1)));
      reader.lose();
    }
    expect(await answers.current()).toMatchObject({ state: "running" });
    await end();
    heard.push(...(await (await open({ lastEventId: heard.at(-1)?.id })).read()));
    expect(heard.map(({ data }) => data)).toEqual([
      ...WORDS,
      { end: "stored", position: expect.any(String) as unknown },
    ]);
    expect((await open({ lastEventId: heard.at(-1)?.id })).status).toBe(204);
    expect(texts(await sessions.history(session).getMessages())).toEqual(["Hi", WORDS.join(" ")]);
  });

  test("the following of a reader that left is over", async () => {
    const { signal, open } = await program();
    const readers = [await open({ method: "POST" }), await open()];
    for (const reader of readers) await reader.comment();
    await expect.poll(() => getEventListeners(signal, "abort").length).toBe(2);
    for (const reader of readers) reader.lose();
    await expect.poll(() => getEventListeners(signal, "abort").length).toBe(0);
  });

  test("the first byte leaves before the first event, to the one who asks and to another reader", async () => {
    const { open } = await program();
    // Their headers come with it.
    const readers = [await open({ method: "POST" }), await open()];
    for (const reader of readers) {
      expect(reader.status).toBe(200);
      expect(reader.header("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(reader.header("cache-control")).toBe("no-cache, no-transform");
      expect(reader.header("x-accel-buffering")).toBe("no");
      expect(await reader.comment()).toBe("");
    }
  });

  test("a malformed id is refused with 400, and a session that has ended with 440", async () => {
    const { session, open } = await program();
    expect((await open({ lastEventId: "1" })).status).toBe(400);
    await sessions.endById(session, session.id);
    expect((await open()).status).toBe(440);
  });
});
