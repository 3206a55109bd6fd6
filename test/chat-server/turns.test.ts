// A turn over HTTP: stored once and whole, or the client knows; whatever happens to the client, the session or Redis.
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { startTestService, type TestService, type TestServiceOptions } from "./support/service.js";
import { all } from "./support/sent-events.js";
import { Visitor } from "./support/visitor.js";

const { closing, through } = closingIn(afterEach);

async function served(options: TestServiceOptions = {}): Promise<{ service: TestService; ada: Visitor }> {
  const service = await startTestService(options);
  closing.push(service.stop);
  return { service, ada: await Visitor.inSession(service.url) };
}

async function servedThrough(
  model: ScriptedModel,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ service: TestService; ada: Visitor; network: FaultyProxy }> {
  const { host, port } = inject("servers").single;
  const network = await through({ host, port });
  return { ...(await served({ model, environment: { REDIS_URL: network.url, ...environment } })), network };
}

/** Says one word, then nothing more until it is stopped. */
function hesitating(): ScriptedModel {
  const model = new ScriptedModel("one two three");
  model.afterWord = () => never([], signalOf(model));
  return model;
}
/** The model's latest call has none when nothing can stop it. */
const signalOf = (model: ScriptedModel): AbortSignal => {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (!model.stopped) return;
    clearInterval(timer);
    controller.abort();
  }, 5);
  return controller.signal;
};

describe("the same Idempotency-Key again", () => {
  test("runs the model once, stores one turn, and says that it is stored", async () => {
    const model = new ScriptedModel("first", "second");
    const { ada } = await served({ model });
    const key = crypto.randomUUID();
    expect((await ada.say("Hi", key)).json).toEqual({ response: "first", messageCount: 2 });
    const again = await ada.say("Hi", key);
    expect(again).toMatchObject({ status: 409, json: { code: "OPERATION_CONFLICT" } });
    expect(again.json.detail).toMatch(/turn that it named is stored/);
    const { response } = await ada.listen("Hi", { key });
    expect(response.status).toBe(409);
    expect(model.given).toHaveLength(1);
    expect(await ada.stored()).toEqual(["human: Hi", "ai: first"]);
    // Another key is another turn; another user's same key, too.
    expect((await ada.say("Hi", crypto.randomUUID())).status).toBe(200);
    const bob = await Visitor.inSession(ada.url, "bob");
    expect((await bob.say("Hi", key)).status).toBe(200);
  });

  test("while the first is still running waits for it, and does not run the model again", async () => {
    const model = new ScriptedModel(async () => {
      await pause(300);
      return "slow";
    });
    const { ada } = await served({ model });
    const key = crypto.randomUUID();
    const statuses = await Promise.all([1, 2, 3].map(async () => (await ada.say("Hi", key)).status));
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    expect(model.given).toHaveLength(1);
    expect(await ada.stored()).toEqual(["human: Hi", "ai: slow"]);
  });

  test("after the model failed, and after an answer was broken off, takes the place of what was kept", async () => {
    const model = new ScriptedModel(
      () => {
        throw new Error("overloaded");
      },
      "one two three",
      "whole",
    );
    model.afterWord = () => never([], signalOf(model));
    const { ada } = await served({ model });
    const key = crypto.randomUUID();
    expect(await ada.say("Hi", key)).toMatchObject({ status: 502, json: { code: "AGENT_FAILED" } });
    await expect.poll(() => ada.stored()).toEqual(["human!: Hi"]);
    const leaving = new AbortController();
    const { events } = await ada.listen("Hi", { key, signal: leaving.signal });
    expect((await events.next()).value).toEqual({ event: "token", data: { text: "one " } });
    leaving.abort();
    await expect.poll(() => ada.stored()).toEqual(["human: Hi", "ai!: one "]);
    expect((await ada.say("Hi", key)).json).toEqual({ response: "whole", messageCount: 2 });
    expect(await ada.stored()).toEqual(["human: Hi", "ai: whole"]);
    // No attempt was shown what an earlier one had left.
    const asked = model.given.map((messages) =>
      messages.filter(({ type }) => type !== "system").map(({ text }) => text),
    );
    expect(asked).toEqual([["Hi"], ["Hi"], ["Hi"]]);
  });
});

describe("a client that goes away", () => {
  test("in the middle of a stream stops the model; what was said is kept, and marked", async () => {
    const model = hesitating();
    const { service, ada } = await served({ model });
    const leaving = new AbortController();
    const { events } = await ada.listen("Hi", { signal: leaving.signal });
    expect((await events.next()).value).toEqual({ event: "token", data: { text: "one " } });
    leaving.abort();
    await expect.poll(() => model.stopped).toBe(true);
    await expect.poll(() => ada.stored()).toEqual(["human: Hi", "ai!: one "]);
    await expect.poll(() => service.entries()).toContainEqual(expect.objectContaining({ outcome: "CLIENT_GONE" }));
    expect(service.entries().filter(({ level }) => level === "error")).toEqual([]);
  });

  test("before there was an answer stops the model too, with or without a stream", async () => {
    for (const headers of [{}, { Accept: "text/event-stream" }]) {
      const model = new ScriptedModel(never);
      const { ada } = await served({ model });
      const leaving = new AbortController();
      const path = "/agents/assistant/chat";
      const asked = ada.fetch(path, { body: { message: "Hi" }, headers, signal: leaving.signal });
      await expect.poll(() => model.given.length).toBe(1);
      leaving.abort();
      await expect(asked).rejects.toThrow(/abort/);
      await expect.poll(() => model.stopped).toBe(true);
      await expect.poll(() => ada.stored()).toEqual(["human!: Hi"]);
    }
  });

  test("while it is still sending its message is no fault of the server", async () => {
    const { service, ada } = await served();
    const sent = request(`${service.url}/agents/assistant/chat`, {
      method: "POST",
      headers: { ...ada.credentials, "Content-Length": "1000", Expect: "100-continue" },
    });
    sent.on("error", () => {});
    sent.flushHeaders();
    await once(sent, "continue");
    sent.write('{"message":');
    sent.destroy();
    await expect.poll(() => service.entries()).toContainEqual(expect.objectContaining({ status: 499 }));
    expect(service.entries().filter(({ level }) => level === "error")).toEqual([]);
  });

  test("can go on at once with the next question", async () => {
    const { ada } = await served();
    const leaving = new AbortController();
    const { events } = await ada.listen("Tell me a long story.", { signal: leaving.signal });
    await events.next();
    leaving.abort();
    expect((await ada.say("My name is Ada.")).json.response).toBe("Nice to meet you, Ada.");
    expect(await ada.stored()).toHaveLength(4);
  });

  test("names the conversation all the same", async () => {
    const { ada } = await served({ model: hesitating() });
    const leaving = new AbortController();
    await (await ada.listen("Where do stopped turns go?", { signal: leaving.signal })).events.next();
    leaving.abort();
    await expect.poll(() => ada.stored()).toHaveLength(2);
    const { json } = await ada.send("/conversations");
    expect(json.conversations).toMatchObject([{ title: "Where do stopped turns go?" }]);
  });
});

describe("a session that ends in the middle of an answer", () => {
  test("stops the model; the stream ends with the problem, and nothing is stored", async () => {
    const model = hesitating();
    const { ada } = await served({ model });
    const elsewhere = await Visitor.inSession(ada.url);
    const { events } = await ada.listen("Hi");
    await events.next();
    await elsewhere.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
    expect(await all(events)).toMatchObject([
      { event: "problem", data: { status: 440, code: "SESSION_NOT_FOUND", reason: "ended" } },
    ]);
    await expect.poll(() => model.stopped).toBe(true);
    expect(await elsewhere.stored(ada.session.conversationId)).toEqual([]);
  });

  test("without a stream is a 440", async () => {
    const model = new ScriptedModel(never);
    const { ada } = await served({ model });
    const elsewhere = await Visitor.inSession(ada.url);
    const asked = ada.say("Hi");
    await expect.poll(() => model.given.length).toBe(1);
    await elsewhere.send("/sessions/end-all", { body: { others: true } });
    expect(await asked).toMatchObject({ status: 440, json: { code: "SESSION_NOT_FOUND", reason: "ended" } });
  });

  test("by erasing the user leaves nothing of them", async () => {
    const model = hesitating();
    const { ada } = await served({ model });
    const { events } = await ada.listen("Hi");
    await events.next();
    const elsewhere = await Visitor.inSession(ada.url);
    await elsewhere.send("/me", { method: "DELETE" });
    expect((await all(events)).at(-1)).toMatchObject({ event: "problem", data: { status: 440 } });
    // A sign-in of the same second does not count.
    const anew = await vi.waitFor(() => Visitor.inSession(ada.url), { timeout: 10_000 });
    expect((await anew.send("/conversations")).json.conversations).toEqual([]);
  });
});

describe("a turn that names its conversation", () => {
  test("goes there, also when another tab of the session has opened another one, and sees what was said in it", async () => {
    const { ada } = await served({ model: new ScriptedModel(({ length }) => `given ${length}`) });
    const first = ada.session.conversationId;
    await ada.say("a", undefined, first);
    const second = (await ada.send("/sessions/conversation", { body: {} })).json.session.conversationId as string;
    const key = crypto.randomUUID();
    expect((await ada.say("b", key, first)).json).toEqual({ response: "given 4", messageCount: 4 });
    expect((await ada.say("b", key, first)).json.code).toBe("OPERATION_CONFLICT");
    await ada.say("c", undefined, second);
    expect(await ada.stored(first)).toEqual(["human: a", "ai: given 2", "human: b", "ai: given 4"]);
    expect(await ada.stored(second)).toEqual(["human: c", "ai: given 2"]);
    // Without a name it goes where the session points.
    await ada.say("d");
    expect((await ada.stored(second)).slice(2)).toEqual(["human: d", "ai: given 4"]);
  });

  test("goes there, also when nothing was said in it before", async () => {
    const { ada } = await served();
    await ada.send("/sessions/conversation", { body: {} });
    await ada.say("Hi", undefined, ada.session.conversationId);
    expect((await ada.stored())[0]).toBe("human: Hi");
  });

  test("reaches no conversation of another user", async () => {
    const { ada } = await served({ model: new ScriptedModel(({ length }) => `given ${length}`) });
    await ada.say("a secret");
    const bob = await Visitor.inSession(ada.url, "bob");
    const { conversationId } = ada.session;
    expect((await bob.say("What was said?", undefined, conversationId)).json.response).toBe("given 2");
    expect(await ada.stored()).toEqual(["human: a secret", "ai: given 2"]);
    expect(await bob.stored(conversationId)).toEqual(["human: What was said?", "ai: given 2"]);
  });
});

describe("turns of one conversation", () => {
  test("run one after another", async () => {
    const { ada } = await served({ model: new ScriptedModel(({ length }) => `given ${length}`) });
    await Promise.all(["a", "b", "c"].map((message) => ada.say(message)));
    const stored = await ada.stored();
    // Each saw what the ones before it left; one of them is the system prompt.
    expect(stored.filter((_, index) => index % 2 === 1)).toEqual(["ai: given 2", "ai: given 4", "ai: given 6"]);
  });

  test("are refused as busy when they waited too long, also from another session", async () => {
    const model = hesitating();
    const { ada } = await served({ model, environment: { TURN_WAIT: "1s" } });
    await ada.listen("first").then(({ events }) => events.next());
    const other = await Visitor.signedIn(ada.url);
    const { json } = await other.send("/sessions", { body: { agentId: "assistant" } });
    other.token = json.token as string;
    expect(await ada.say("second")).toMatchObject({ status: 409, json: { code: "CONVERSATION_BUSY" } });
    const { response } = await ada.listen("third");
    expect(response.status).toBe(409);
    expect(model.given).toHaveLength(1);
  });
});

describe("an answer that cannot be stored", () => {
  test("is shown, then told as a problem; sent again with its key, it is stored once", async () => {
    const model = new ScriptedModel("Hello Ada.");
    const { service, ada, network } = await servedThrough(model);
    const key = crypto.randomUUID();
    model.afterWord = (word) => {
      if (word === "Ada.") network.refuse();
      return Promise.resolve();
    };
    const { response, events } = await ada.listen("Hi", { key });
    expect(response.status).toBe(200);
    const heard = await all(events);
    expect(heard.map(({ event }) => event)).toEqual(["token", "token", "problem"]);
    expect(heard.at(-1)?.data).toMatchObject({ status: 503, code: "TURN_NOT_STORED", response: "Hello Ada." });
    expect(heard.at(-1)?.data.detail).toMatch(/same Idempotency-Key/);

    model.afterWord = () => Promise.resolve();
    await network.heal();
    await expect.poll(async () => (await ada.send("/session")).status, { timeout: 10_000 }).toBe(200);
    // The lease of the turn that failed runs out first, which takes ten seconds.
    const client = new Redis(inject("servers").single);
    closing.push(() => client.quit());
    const [lease = ""] = await client.keys(`${service.keyPrefix}:*:lease:*`);
    expect(await client.pexpire(lease, 1)).toBe(1);
    expect((await ada.say("Hi", key)).status).toBe(200);
    expect(await ada.stored()).toEqual(["human: Hi", "ai: Hello Ada."]);
  });

  test("without a stream: a 503 that has the answer in it", async () => {
    let away = (): void => {};
    const model = new ScriptedModel(() => {
      away();
      return "Hello.";
    });
    const { ada, network } = await servedThrough(model);
    away = () => network.refuse();
    const { status, json } = await ada.say("Hi");
    expect({ status, code: json.code }).toEqual({ status: 503, code: "TURN_NOT_STORED" });
    expect(json.response).toBe("Hello.");
  });

  test("whose reply alone was lost is stored once, and told as stored", async () => {
    const model = new ScriptedModel("Hello.");
    const { ada, network } = await servedThrough(model);
    await ada.say("first");
    model.afterWord = () => {
      network.dropReplies({ command: ["EVALSHA", "EVAL"] });
      return Promise.resolve();
    };
    const { events } = await ada.listen("second");
    expect((await all(events)).at(-1)).toMatchObject({ event: "done", data: { messageCount: 4 } });
    expect(await ada.stored()).toEqual(["human: first", "ai: Hello.", "human: second", "ai: Hello."]);
  });
});

describe("an agent that fails", () => {
  const failing = (): ScriptedModel => new ScriptedModel(new Error("the provider quotes: my secret message"));

  test("is a 502, of which the log has where and not what", async () => {
    const { service, ada } = await served({ model: failing() });
    expect(await ada.say("my secret message")).toMatchObject({ status: 502, json: { code: "AGENT_FAILED" } });
    const { response } = await ada.listen("my secret message");
    expect(response.status).toBe(502);
    expect(service.entries()).toContainEqual(
      expect.objectContaining({ event: "fault", code: "AGENT_FAILED", error: "Error", at: expect.any(Array) }),
    );
    expect(service.lines.join("")).not.toContain("secret");
  });

  test("in the middle of a stream is a problem at its end, and keeps what was said", async () => {
    const model = new ScriptedModel("one two");
    model.afterWord = (word) => (word === "two" ? Promise.reject(new Error("cut off")) : Promise.resolve());
    const { ada } = await served({ model });
    const { events } = await ada.listen("Hi");
    expect((await all(events)).at(-1)).toMatchObject({ event: "problem", data: { status: 502, code: "AGENT_FAILED" } });
    await expect.poll(() => ada.stored()).toEqual(["human: Hi", expect.stringMatching(/^ai!: one/)]);
  });

  test("to come to an end is stopped in time", async () => {
    const { ada } = await served({ model: new ScriptedModel(never), environment: { TURN_TIMEOUT: "1s" } });
    expect(await ada.say("Hi")).toMatchObject({ status: 504, json: { code: "TURN_TIMED_OUT" } });
    await expect.poll(() => ada.stored()).toEqual(["human!: Hi"]);
  });

  test("to call its tools rightly is told so, and answers", async () => {
    const model = new ScriptedModel(calling(["remember", {}]), "Sorry.");
    const { ada } = await served({ model });
    expect((await ada.say("Hi")).json).toMatchObject({ response: "Sorry.", messageCount: 4 });
  });
});

test("what was refused, failed or was left does not count as running: the server stops at once", async () => {
  const { service, ada } = await served({ model: new ScriptedModel(new Error("no")) });
  const path = "/agents/assistant/chat";
  await ada.send(path, { body: { message: "Hi" }, headers: { "Idempotency-Key": "not one" } });
  await ada.send(path, { body: {} });
  await ada.say("Hi");
  await (await ada.listen("Hi")).response.text();
  await service.stop();
  expect(service.entries()).toContainEqual(expect.objectContaining({ event: "stopping", turns: 0 }));
});

test("a conversation longer than the window is stored whole, and the model is given its newest part", async () => {
  const model = new ScriptedModel(({ length }) => `given ${length}`);
  const { ada } = await served({ model, environment: { WINDOW_MESSAGES: "4" } });
  for (const message of ["a", "b", "c", "d"]) await ada.say(message);
  expect((await ada.stored()).at(-1)).toBe("ai: given 6"); // four, what was said, and the system prompt
  expect((await ada.say("e")).json.messageCount).toBe(10);
  const { json } = await ada.send("/conversations");
  expect(json.conversations).toMatchObject([{ title: "a" }]);
});
