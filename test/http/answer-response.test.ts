// A client that loses its connection, at whatever event, comes back and gets exactly the rest.
import { getEventListeners } from "node:events";
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { type Answer, type Answers, type Session, SessionStore } from "langchain-redis-sessions";
import { answerResponse } from "langchain-redis-sessions/http";
import { closingIn } from "../support/closing.js";
import { sessions } from "../support/session-store.js";
import { severableLink } from "../support/severable-link.js";
import { freshId, texts } from "../support/turns.js";
import { type AnswerService, serveWith } from "./support/answer-service.js";
import { type Asked, EventReader, parsed, type SentEvent } from "./support/sent-events.js";

const { closing, keep } = closingIn(afterEach);

const WORDS = ["one", "two", "three", "four", "five"];
const words = (from: number, to?: number): unknown[] => WORDS.slice(from, to).map((word) => ({ word }));
const dataOf = (events: readonly SentEvent[]): unknown[] => events.map(({ data }) => data);
const STORED = { end: "stored", position: expect.stringMatching(/^\d+-1$/) as unknown };
const lastId = (events: readonly SentEvent[]): string | undefined => events.at(-1)?.id;

interface Chat {
  readonly session: Session;
  readonly answers: Answers;
  readonly service: AnswerService;
  readonly begin: (operationId?: string) => Promise<Answer>;
  readonly open: (path?: string, asked?: Asked) => Promise<EventReader>;
}

/** POST begins an answer, which the test gives; GET follows. */
async function chat(store: SessionStore = sessions, followers = store): Promise<Chat> {
  const { session } = await store.create({ userId: freshId(), agentId: "support" });
  const answers = store.answers(session);
  let begun: Answer | undefined;
  const service = await serveWith((request) =>
    request.method === "POST"
      ? answerResponse(answers, { request, answer: begun })
      : answerResponse(followers.answers(session), { request }),
  );
  closing.push(() => service.close());
  return {
    session,
    answers,
    service,
    begin: async (operationId = freshId()) => {
      begun = await answers.begin({ operationId, input: "Hi" });
      const answer = begun;
      closing.push(() => answer.close());
      return answer;
    },
    open: async (path = "/", asked = {}) => {
      const reader = await EventReader.open(service.url + path, asked);
      closing.push(() => reader.lose());
      return reader;
    },
  };
}

const send = (answer: Answer, from: number, to?: number): void => {
  for (const word of words(from, to)) answer.send(word);
};

async function finish(answer: Answer): Promise<void> {
  await answer.store([new AIMessage("Hello.")]);
  await answer.close();
}

describe.each(["POST", "GET"])("a client that lost its connection to a %s", (method) => {
  test.each([0, 1, 2, 3])("after %i of three events comes back while the answer runs, and gets the rest", async (n) => {
    const { begin, open } = await chat();
    const answer = await begin();
    send(answer, 0, 3);
    const first = await open("/", { method });
    const before = await first.read(n);
    first.lose();
    send(answer, 3, 4);
    const second = await open("/", { lastEventId: lastId(before) });
    const meanwhile = await second.read(4 - n);
    send(answer, 4);
    await finish(answer);
    const all = [...before, ...meanwhile, ...(await second.read())];
    expect(dataOf(all)).toEqual([...words(0), STORED]);
    expect(all.map(({ name }) => name)).toEqual([...WORDS.map(() => undefined), "end"]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(6);
  });

  test.each([0, 1, 2, 3, 4, 5])("after event %i comes back after the answer's end, and gets the rest", async (n) => {
    const { begin, open } = await chat();
    const answer = await begin();
    const first = await open("/", { method });
    send(answer, 0);
    const before = await first.read(n);
    first.lose();
    await finish(answer);
    const second = await open("/", { lastEventId: lastId(before) });
    expect(dataOf([...before, ...(await second.read())])).toEqual([...words(0), STORED]);
  });

  test("at every event of the same answer, gets each event once", async () => {
    const { begin, open } = await chat();
    const answer = await begin();
    const all: SentEvent[] = [];
    for (const [index] of WORDS.entries()) {
      send(answer, index, index + 1);
      const reader = await open("/", index === 0 ? { method } : { lastEventId: lastId(all) });
      all.push(...(await reader.read(1)));
      reader.lose();
    }
    await finish(answer);
    const last = await open("/", { lastEventId: lastId(all) });
    expect(dataOf([...all, ...(await last.read())])).toEqual([...words(0), STORED]);
  });
});

describe("the response", () => {
  test("has headers that keep proxies from holding events back, and its first byte leaves before the first event", async () => {
    const { answers, begin } = await chat();
    await begin();
    const { status, headers, body } = await answerResponse(answers, { request: new Request("http://chat.test/") });
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toEqual({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    const reader = body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(":\n\n");
    await reader?.cancel();
  });

  test("is spelled as the standard says, and a text with line breaks is one event", async () => {
    const { answers, begin } = await chat();
    const answer = await begin();
    answer.send("a\n\nevent: end\r\ndata: {}\u2028");
    answer.send(null);
    await finish(answer);
    const response = await answerResponse(answers, { request: new Request("http://chat.test/") });
    const [, first, second, last] = (await response.text()).split("\n\n");
    expect(first).toMatch(/^id: [\w-]{11}-1\ndata: "a\\n\\nevent: end\\r\\ndata: \{\}\u2028"$/);
    expect(second).toMatch(/^id: [\w-]{11}-2\ndata: null$/);
    expect(last).toMatch(/^event: end\nid: [\w-]{11}-end\ndata: \{"end":"stored","position":"\d+-1"\}$/);
  });

  test("is a 204 that no cache keeps, when there is nothing to follow", async () => {
    const { open } = await chat();
    const reader = await open();
    expect(reader.status).toBe(204);
    expect(reader.header("cache-control")).toBe("no-store");
  });

  test("is a 204 for a client that has the last event, also while another answer runs", async () => {
    const { begin, open } = await chat();
    const answer = await begin();
    await finish(answer);
    const lastEventId = lastId(await (await open()).read());
    expect((await open("/", { lastEventId })).status).toBe(204);
    await begin();
    expect((await open("/", { lastEventId })).status).toBe(204);
    expect((await open()).status).toBe(200);
  });

  test("tells a client with an id of an earlier answer how that one ended", async () => {
    const { begin, open } = await chat();
    const first = await begin();
    send(first, 0, 1);
    const [event] = await (await open()).read(1);
    await finish(first);
    await begin();
    expect(dataOf(await (await open("/", { lastEventId: event?.id })).read())).toEqual([STORED]);
    expect(dataOf(await (await open("/", { lastEventId: "aaaaaaaaaaa-3" })).read())).toEqual([{ end: "gone" }]);
  });

  test("begins behind the id in the URL, and the header of a client that came back goes first", async () => {
    const { begin, open } = await chat();
    const answer = await begin();
    send(answer, 0);
    await finish(answer);
    const [first, second] = await (await open()).read(2);
    expect(dataOf(await (await open(`/?after=${first?.id}`)).read())).toEqual([...words(1), STORED]);
    const both = await open(`/?after=${first?.id}`, { lastEventId: second?.id });
    expect(dataOf(await both.read())).toEqual([...words(2), STORED]);
    expect(dataOf(await (await open("/?after=", { lastEventId: "" })).read())).toHaveLength(6);
  });

  test.each(["nonsense", "aaaaaaaaaaa-", "aaaaaaaaaaa-0000000001", "aaaaaaaaaaa-end-end"])(
    "is a problem with status 400 for %s, which is no id of an event",
    async (id) => {
      const { answers } = await chat();
      const asked = [
        new Request("http://chat.test/", { headers: { "Last-Event-ID": id } }),
        new Request(`http://chat.test/?after=${id}`),
      ];
      for (const request of asked) {
        const response = await answerResponse(answers, { request });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ code: "INVALID_EVENT_ID" });
      }
    },
  );

  test("marks where events are missing, and from where on no more come", async () => {
    const { answers } = await chat();
    const answer = await answers.begin({ operationId: freshId(), input: "Hi", maxBytes: 100 });
    const sizes = [10, 10, 95, 80, 10];
    for (const size of sizes) answer.send("x".repeat(size));
    const response = await answerResponse(answers, { request: new Request("http://chat.test/"), answer });
    await finish(answer);
    const followed = await answerResponse(answers, { request: new Request("http://chat.test/") });
    const expected = [
      { id: expect.stringMatching(/-1$/) as unknown, data: "x".repeat(10) },
      { id: expect.stringMatching(/-2$/) as unknown, data: "x".repeat(10) },
      { id: expect.stringMatching(/-3$/) as unknown, name: "missed", data: {} },
      { id: expect.stringMatching(/-4$/) as unknown, name: "truncated", data: {} },
      { id: expect.stringMatching(/-end$/) as unknown, name: "end", data: STORED },
    ];
    expect(await eventsOf(response)).toEqual(expected);
    expect(await eventsOf(followed)).toEqual(expected);
  });

  test("follows the answer of one operation only, when it is told to", async () => {
    const { answers, begin } = await chat();
    await finish(await begin("mine"));
    const request = new Request("http://chat.test/");
    expect((await answerResponse(answers, { request, operationId: "mine" })).status).toBe(200);
    expect((await answerResponse(answers, { request, operationId: "another" })).status).toBe(204);
  });

  test("is not made of an answer of another conversation, or without a request", async () => {
    const [one, other] = [await chat(), await chat()];
    const answer = await other.begin();
    const request = new Request("http://chat.test/");
    const code = "INVALID_OPTION";
    await expect(answerResponse(one.answers, { request, answer })).rejects.toMatchObject({ code, option: "answer" });
    for (const options of [{}, { request: "/" }, { request, answer: {} }, { request, signal: {} }, { request, x: 1 }]) {
      await expect(answerResponse(one.answers, options as never)).rejects.toMatchObject({ code });
    }
  });
});

describe("a reader that leaves", () => {
  test.each(["POST", "GET"])("does not stop the answer that it began or followed (%s)", async (method) => {
    const { begin, open, session, answers } = await chat();
    const answer = await begin();
    send(answer, 0, 1);
    const reader = await open("/", { method });
    await reader.read(1);
    reader.lose();
    send(answer, 1);
    expect(answer.signal.aborted).toBe(false);
    expect(await answers.current()).toMatchObject({ state: "running" });
    await finish(answer);
    expect(texts(await sessions.history(session).getMessages())).toEqual(["Hi", "Hello."]);
  });

  test.each(["POST", "GET"])("without a word does not stop it either, and gets the rest later (%s)", async (method) => {
    const { begin, open, session, service } = await chat();
    const link = await severableLink(() => ({ host: "127.0.0.1", port: service.port }));
    closing.push(link.close);
    const answer = await begin();
    send(answer, 0, 2);
    const lost = await EventReader.open(`http://127.0.0.1:${link.port}/`, { method });
    const before = await lost.read(2);
    link.sever();
    send(answer, 2);
    await finish(answer);
    expect(texts(await sessions.history(session).getMessages())).toEqual(["Hi", "Hello."]);
    const back = await open("/", { lastEventId: lastId(before) });
    expect(dataOf([...before, ...(await back.read())])).toEqual([...words(0), STORED]);
    lost.lose();
  });
});

describe("a stream that cannot go on", () => {
  test("of a follower whose session has ended says so by the code, and has no id", async () => {
    const { begin, session, answers: asking } = await chat();
    const answer = await begin();
    send(answer, 0, 1);
    const { userId, agentId, conversationId } = session;
    const other = await sessions.create({ userId, agentId, conversationId });
    const answers = sessions.answers(other.session);
    const service = await serveWith((request) => answerResponse(answers, { request }));
    closing.push(() => service.close());
    const reader = await EventReader.open(service.url);
    expect(dataOf(await reader.read(1))).toEqual(words(0, 1));
    await sessions.endById(session, other.session.id);
    expect(await reader.read()).toEqual([{ name: "error", data: { code: "SESSION_NOT_FOUND" } }]);
    expect(await asking.current()).toMatchObject({ state: "running" });
    await expect(answerResponse(answers, { request: new Request("http://chat.test/") })).rejects.toMatchObject({
      code: "SESSION_NOT_FOUND",
    });
  });

  test("for the one who asks: events come while Redis is silent, with the same ids, and the end when it is back", async () => {
    const link = await severableLink(() => inject("servers").single);
    closing.push(link.close);
    const store = new SessionStore({ client: keep(new Redis(link.port, link.host)) });
    closing.push(() => store.close());
    const { begin, open } = await chat(store, sessions);
    const answer = await begin();
    link.sever();
    const reader = await open("/", { method: "POST" });
    send(answer, 0);
    const asked = await reader.read(5);
    expect(dataOf(asked)).toEqual(words(0));
    link.mend();
    await finish(answer);
    asked.push(...(await reader.read()));
    expect(asked).toEqual(await (await open()).read());
    expect(asked).toHaveLength(6);
  });

  test("because Redis is away says so by the code, and the client comes back for the rest", async () => {
    const link = await severableLink(() => inject("servers").single);
    closing.push(link.close);
    const store = new SessionStore({ client: keep(new Redis(link.port, link.host)), deadline: "1s" });
    closing.push(() => store.close());
    const { begin, open } = await chat(store, sessions);
    const answer = await begin();
    send(answer, 0);
    const follower = await open();
    await follower.read(5);
    link.sever();
    const reader = await open("/", { method: "POST" });
    await answer.close();
    const asked = await reader.read();
    expect(asked.slice(5)).toEqual([{ name: "error", data: { code: "STORE_UNAVAILABLE" } }]);
    link.mend();
  });

  test("because the server shuts down ends without an end, and the client gets the rest elsewhere", async () => {
    const { answers, begin, open } = await chat();
    const shutdown = new AbortController();
    const answer = await begin();
    send(answer, 0, 2);
    const { signal } = shutdown;
    const responses = [
      await answerResponse(answers, { request: new Request("http://chat.test/"), signal }),
      await answerResponse(answers, { request: new Request("http://chat.test/"), signal, answer }),
    ];
    const before = responses.map((response) => eventsOf(response));
    for await (const { id } of answers.follow()) if (id.endsWith("-2")) break;
    shutdown.abort();
    const cut = await Promise.all(before);
    send(answer, 2);
    await finish(answer);
    for (const events of cut) {
      const rest = await open("/", { lastEventId: lastId(events) });
      expect(dataOf([...events, ...(await rest.read())])).toEqual([...words(0), STORED]);
    }
    expect(cut.flat()).not.toContainEqual(expect.objectContaining({ name: "end" }));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const late = await answerResponse(answers, { request: new Request("http://chat.test/"), signal });
    expect(await eventsOf(late)).toEqual([]);
  });
});

/** Returns all events of a response, and no comments. */
async function eventsOf(response: Response): Promise<SentEvent[]> {
  const all: SentEvent[] = [];
  const text = response.body?.pipeThrough(new TextDecoderStream()) ?? expect.unreachable("no body");
  for await (const event of parsed(text)) if (event.comment === undefined) all.push(event);
  return all;
}
