// What a stream of events does while its reader is slow, silent or gone.
import { getEventListeners } from "node:events";
import { AIMessage } from "@langchain/core/messages";
import { afterEach, expect, test, vi } from "vitest";
import type { AnswerEvent } from "langchain-redis-sessions";
import { answerResponse } from "langchain-redis-sessions/http";
import { eventStream } from "../../src/http/event-stream.js";
import { sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { heardWarnings } from "../support/warnings.js";

afterEach(() => {
  vi.useRealTimers();
});

/** Events without an end, and how many were asked for. */
function endless(): { events: AsyncGenerator<AnswerEvent, void>; asked: () => number; isOver: () => boolean } {
  let [asked, isOver] = [0, false];
  const events = (async function* () {
    try {
      for (;;) yield { id: `aaaaaaaaaaa-${++asked}`, event: asked };
    } finally {
      isOver = true;
    }
  })();
  return { events, asked: () => asked, isOver: () => isOver };
}

/** Lets all that can go on without a timer or a server go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a slow reader keeps one event here and no more, and the stream of nobody asks for none", async () => {
  const { events, asked } = endless();
  const stream = eventStream({ events, leaving: new AbortController(), signal: undefined });
  await settled();
  expect(asked()).toBe(0);
  const reader = stream.getReader();
  for (const count of [1, 2, 3]) {
    await reader.read();
    await settled();
    expect(asked()).toBe(count);
  }
});

test("any number of readers may share the signal of a shutdown: Node warns of no leak", async () => {
  const shutdown = new AbortController();
  const warnings = heardWarnings();
  const readers = Array.from({ length: 12 }, () =>
    eventStream({ events: endless().events, leaving: new AbortController(), signal: shutdown.signal }).getReader(),
  );
  await Promise.all(readers.map((reader) => reader.read()));
  await settled();
  expect(getEventListeners(shutdown.signal, "abort")).toHaveLength(readers.length);
  shutdown.abort();
  await Promise.all(readers.map((reader) => reader.cancel()));
  expect(warnings).toEqual([]);
});

test("a reader that leaves ends the following, whether that waits for the reader or for an event", async () => {
  const { events, isOver } = endless();
  const shutdown = new AbortController();
  const full = eventStream({ events, leaving: new AbortController(), signal: shutdown.signal }).getReader();
  await full.read();
  await settled();
  expect(getEventListeners(shutdown.signal, "abort")).toHaveLength(1);
  await full.cancel();
  await settled();
  expect(isOver()).toBe(true);

  const leaving = new AbortController();
  let isWaiting = true;
  const silent = (async function* (): AsyncGenerator<AnswerEvent, void> {
    yield { id: "aaaaaaaaaaa-1", event: 1 };
    await new Promise<void>((resolve) => leaving.signal.addEventListener("abort", () => resolve()));
    isWaiting = false;
  })();
  const empty = eventStream({ events: silent, leaving, signal: shutdown.signal }).getReader();
  await empty.read();
  await empty.read();
  await settled();
  await empty.cancel();
  await settled();
  expect(isWaiting).toBe(false);
  expect(getEventListeners(shutdown.signal, "abort")).toEqual([]);
});

test("a comment is written every 15 seconds of silence, and only for a reader that takes it", async () => {
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: freshId(), input: "Hi" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { body } = await answerResponse(answers, { request: new Request("http://chat.test/"), answer });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.unreachable("no body");
  expect((await reader.read()).value).toBe(":\n\n");
  let got: string | undefined;
  const read = (): void => void reader.read().then(({ value }) => (got = value));
  for (const _ of [1, 2, 3]) {
    got = undefined;
    read();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(got).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await settled();
    expect(got).toBe(":\n\n");
  }
  read();
  await vi.advanceTimersByTimeAsync(10_000);
  answer.send("one");
  await settled();
  expect(got).toMatch(/^id: .*\ndata: "one"\n\n$/);
  vi.useRealTimers();
  await answer.store([new AIMessage("Hello.")]);
  await answer.close();
  await reader.cancel();
});

test("a fault of the program breaks the stream, and no part of it is sent", async () => {
  const events = (async function* (): AsyncGenerator<AnswerEvent, void> {
    yield { id: "aaaaaaaaaaa-1", event: 1 };
    throw new TypeError("secret");
  })();
  const reader = eventStream({ events, leaving: new AbortController(), signal: undefined }).getReader();
  await reader.read();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("id: aaaaaaaaaaa-1\ndata: 1\n\n");
  await expect(reader.read()).rejects.toThrow(TypeError);
});
