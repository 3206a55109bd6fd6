// A turn over HTTP: stored once and whole, or the client knows; whatever happens to the client, the session or Redis.
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { startTestService, type TestService, type TestServiceOptions } from "./support/service.js";
import { firstSaid, told } from "./support/sent-events.js";
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

  test("while the first is still running, as a stream, follows it from its beginning, on another server too", async () => {
    const model = new ScriptedModel("one two three");
    let goOn = (): void => {};
    const rest = new Promise<void>((resolve) => (goOn = resolve));
    model.afterWord = () => rest;
    const { ada, service } = await served({ model });
    const key = crypto.randomUUID();
    const first = await ada.listen("Hi", { key });
    expect((await firstSaid(first.events)).data).toEqual({ type: "text", text: "one " });
    const again = [await ada.listen("Hi", { key }), await ada.follow(), await ada.follow(`?operationId=${key}`)];
    goOn();
    const whole = ["text one ", "text two ", "text three", "end stored"];
    for (const { events } of again) expect(await told(events)).toEqual(whole);
    expect(await told(first.events)).toEqual(whole.slice(1));
    expect(model.given).toHaveLength(1);
    expect(service.entries().filter(({ event }) => event === "turn")).toHaveLength(1);
  });

  test("after the model failed, and after an answer was stopped by its timeout, takes the place of what was kept", async () => {
    const model = new ScriptedModel(
      () => {
        throw new Error("overloaded");
      },
      "one two three",
      "whole",
    );
    model.afterWord = () => never([], signalOf(model));
    const { ada } = await served({ model, environment: { TURN_TIMEOUT: "1s" } });
    const key = crypto.randomUUID();
    expect(await ada.say("Hi", key)).toMatchObject({ status: 502, json: { code: "AGENT_FAILED" } });
    expect(await ada.stored()).toEqual(["human: Hi"]);
    expect(await ada.answer()).toMatchObject({ operationId: key, state: "interrupted", message: "Hi" });
    const { events } = await ada.listen("Hi", { key });
    expect(await told(events)).toEqual(["text one ", "problem TURN_TIMED_OUT", "end interrupted"]);
    expect(await ada.stored()).toEqual(["human: Hi", "ai!: one "]);
    model.afterWord = () => Promise.resolve();
    expect((await ada.say("Hi", key)).json).toEqual({ response: "whole", messageCount: 2 });
    expect(await ada.stored()).toEqual(["human: Hi", "ai: whole"]);
    expect(await ada.answer()).toBeNull();
    // No attempt was shown what an earlier one had left.
    const asked = model.given.map((messages) =>
      messages.filter(({ type }) => type !== "system").map(({ text }) => text),
    );
    expect(asked).toEqual([["Hi"], ["Hi"], ["Hi"]]);
  });
});

describe("a client that goes away", () => {
  test("does not stop the answer: it is stored, and a reader who comes back gets exactly the rest", async () => {
    const model = new ScriptedModel("one two three");
    let goOn = (): void => {};
    const rest = new Promise<void>((resolve) => (goOn = resolve));
    model.afterWord = () => rest;
    const { ada } = await served({ model });
    for (const headers of [{}, { Accept: "text/event-stream" }]) {
      const leaving = new AbortController();
      const begun = ada.fetch("/agents/assistant/chat", {
        body: { message: "Hi" },
        headers: { ...headers, "Idempotency-Key": "one" },
        signal: leaving.signal,
      });
      await expect.poll(() => model.given.length).toBe(1);
      leaving.abort();
      await begun.catch(() => {});
    }
    const elsewhere = await Visitor.inSession(ada.url);
    elsewhere.session = ada.session;
    expect(await elsewhere.answer()).toMatchObject({ operationId: "one", state: "running", message: "Hi" });
    const { events } = await elsewhere.follow();
    const { id } = await firstSaid(events);
    await events.return();
    goOn();
    expect(await told((await elsewhere.follow(`?after=${id}`)).events)).toEqual([
      "text two ",
      "text three",
      "end stored",
    ]);
    expect(await ada.stored()).toEqual(["human: Hi", "ai: one two three"]);
    expect(model.stopped).toBe(false);
    expect(model.given).toHaveLength(1);
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

  test("has its conversation in the list from the first moment, by its first message, as one that runs", async () => {
    const { ada } = await served({ model: hesitating() });
    await (await ada.listen("Where do answers go?")).events.return();
    const { json } = await ada.send("/conversations");
    expect(json.conversations).toMatchObject([{ title: "Where do answers go?", running: true, messageCount: 1 }]);
    expect((await ada.send("/conversations?search=WHERE")).json.conversations).toHaveLength(1);
    expect((await ada.send("/conversations?search=there")).json).toEqual({ conversations: [], next: null });
  });
});

describe("an answer that is stopped", () => {
  test("from another session, on another server, ends for everybody; what was said is kept, and the next one begins", async () => {
    const model = hesitating();
    const { ada, service } = await served({ model });
    const other = await served();
    const { events } = await ada.listen("Hi");
    expect((await firstSaid(events)).data.text).toBe("one ");
    const elsewhere = await Visitor.inSession(service.url);
    const path = `/conversations/${ada.session.conversationId}/answer/stop`;
    expect((await elsewhere.send(path, { body: { operationId: "another" } })).json).toEqual({ stopped: false });
    const takenBack = await elsewhere.send(path.replace("/stop", ""), { method: "DELETE" });
    expect(takenBack).toMatchObject({ status: 409, json: { code: "CONVERSATION_BUSY" } });
    expect((await elsewhere.send(path, { body: {} })).json).toEqual({ stopped: true });
    expect(await told(events)).toEqual(["end stopped"]);
    await expect.poll(() => model.stopped).toBe(true);
    expect(await ada.stored()).toEqual(["human: Hi", "ai!: one "]);
    expect(await ada.answer()).toBeNull();
    expect((await elsewhere.send(path, { body: {} })).json).toEqual({ stopped: false });
    // Nobody stops what is another user's.
    expect((await other.ada.send(path, { body: {} })).json.stopped).not.toBe(true);
    expect(service.entries().filter(({ level }) => level === "error")).toEqual([]);
  });

  test("lets the next question begin at once", async () => {
    const { ada } = await served();
    await (await ada.listen("Tell me a long story.")).events.next();
    await ada.send(`/conversations/${ada.session.conversationId}/answer/stop`, { body: {} });
    expect((await ada.say("My name is Ada.")).json.response).toBe("Nice to meet you, Ada.");
    expect(await ada.stored()).toHaveLength(4);
  });
});

describe("the past", () => {
  const numbered = (): ScriptedModel => new ScriptedModel(({ length }) => `given ${length}`);

  test("is replaced from a question on: edited, or answered again", async () => {
    const { ada } = await served({ model: numbered() });
    for (const message of ["a", "b", "c"]) await ada.say(message);
    const { json } = await ada.send(`/conversations/${ada.session.conversationId}/messages`);
    const { position } = json.messages[2] as { position: string };
    expect(await told((await ada.listen("B", { replaces: position })).events)).toEqual([
      "text given ",
      "text 4",
      "end stored",
    ]);
    expect(await ada.stored()).toEqual(["human: a", "ai: given 2", "human: B", "ai: given 4"]);
    const { position: ofAnswer } = json.messages[1] as { position: string };
    const body = { message: "b", replaces: ofAnswer };
    expect(await ada.send("/agents/assistant/chat", { body })).toMatchObject({
      status: 422,
      json: { code: "INVALID_INPUT" },
    });
    const cut = `/conversations/${ada.session.conversationId}/messages?from=${ofAnswer}`;
    expect(await ada.send(cut, { method: "DELETE" })).toMatchObject({ status: 422, json: { code: "INVALID_INPUT" } });
    // It is gone now.
    const again = await ada.listen("b", { replaces: position });
    expect(again.response.status).toBe(409);
    expect(await again.response.json()).toMatchObject({ code: "POSITION_NOT_FOUND" });
    const answered = await ada.send("/agents/assistant/chat", { body: { message: "b", replaces: "1-1" } });
    expect(answered).toMatchObject({ status: 409, json: { code: "POSITION_NOT_FOUND" } });
    expect(await ada.stored()).toHaveLength(4);
  });

  test("stays whole when the answer that was to replace it fails", async () => {
    const { ada } = await served({ model: new ScriptedModel("one", new Error("no"), "two") });
    await ada.say("a");
    const { json } = await ada.send(`/conversations/${ada.session.conversationId}/messages`);
    const { position } = json.messages[0] as { position: string };
    const body = { message: "b", replaces: position };
    const headers = { "Idempotency-Key": "edit" };
    expect((await ada.send("/agents/assistant/chat", { body, headers })).status).toBe(502);
    expect(await ada.stored()).toEqual(["human: a", "ai: one"]);
    expect(await ada.answer()).toMatchObject({
      operationId: "edit",
      state: "interrupted",
      message: "b",
      replaces: position,
    });
    expect((await ada.send("/agents/assistant/chat", { body, headers })).status).toBe(200);
    expect(await ada.stored()).toEqual(["human: b", "ai: two"]);
  });

  test("keeps no question that was taken back, in it or beside it", async () => {
    const no = new Error("no");
    const { ada } = await served({ model: new ScriptedModel("one", no, no) });
    await ada.say("a");
    const path = `/conversations/${ada.session.conversationId}/answer`;
    const { json } = await ada.send(`/conversations/${ada.session.conversationId}/messages`);
    const { position } = json.messages[0] as { position: string };
    for (const replaces of [position, undefined]) {
      await ada.send("/agents/assistant/chat", { body: { message: "b", replaces } });
      expect(await ada.answer()).toMatchObject({ state: "interrupted", message: "b" });
      expect((await ada.send(path, { method: "DELETE" })).status).toBe(204);
      expect(await ada.answer()).toBeNull();
      expect(await ada.stored()).toEqual(["human: a", "ai: one"]);
    }
    expect((await ada.send(path, { method: "DELETE" })).status).toBe(204);
  });

  test("is cut before a message: a question that was not answered is taken back", async () => {
    const { ada } = await served({ model: new ScriptedModel("one", new Error("no")) });
    await ada.say("a");
    await ada.say("b");
    const { position } = await ada.answer();
    const path = `/conversations/${ada.session.conversationId}/messages`;
    expect((await ada.send(`${path}?from=${position}`, { method: "DELETE" })).status).toBe(204);
    expect(await ada.stored()).toEqual(["human: a", "ai: one"]);
    expect(await ada.answer()).toBeNull();
    expect(await ada.send(`${path}?from=${position}`, { method: "DELETE" })).toMatchObject({
      status: 409,
      json: { code: "POSITION_NOT_FOUND" },
    });
  });
});

describe("a tool that asks", () => {
  const asking = (): ScriptedModel => new ScriptedModel(calling(["forget", {}]), "Done.");

  test.each([
    { approve: true, facts: 404, result: "I have forgotten all of it." },
    { approve: false, facts: 200, result: "The user does not want this." },
  ])("waits, and goes on in another session and server when a person has decided ($approve)", async (decided) => {
    const { ada } = await served({ model: asking() });
    await ada.send("/memory/facts", { method: "PUT", body: { value: ["I like tea"] } });
    const { events } = await ada.listen("Forget everything.", { key: "one" });
    expect(await told(events)).toEqual(["call forget", "approval forget", "end waiting"]);
    expect(await ada.answer()).toMatchObject({
      operationId: "one",
      state: "waiting",
      message: "Forget everything.",
      approval: [{ name: "forget", args: {}, description: expect.stringContaining("cannot be undone") }],
    });
    const elsewhere = await Visitor.inSession(ada.url);
    const path = `/conversations/${ada.session.conversationId}/answer/decision`;
    const { approve } = decided;
    const wrong = await elsewhere.send(path, { body: { operationId: "two", approve } });
    expect(wrong).toMatchObject({ status: 409, json: { code: "NOTHING_TO_DECIDE" } });
    const { status, json } = await elsewhere.send(path, { body: { operationId: "one", approve } });
    expect({ status, json }).toEqual({ status: 200, json: { response: "Done.", messageCount: 4 } });
    expect(await ada.stored()).toEqual(["human: Forget everything.", "ai: ", `tool: ${decided.result}`, "ai: Done."]);
    expect((await ada.send("/memory/facts")).status).toBe(decided.facts);
    // It is decided once.
    expect((await ada.send(path, { body: { operationId: "one", approve } })).json.code).toBe("NOTHING_TO_DECIDE");
  });

  test("is decided once, also when two press at the same time", async () => {
    const { ada } = await served({ model: asking() });
    await ada.say("Forget everything.", "one");
    const path = `/conversations/${ada.session.conversationId}/answer/decision`;
    const decide = () => ada.send(path, { body: { operationId: "one", approve: true } });
    const statuses = (await Promise.all([decide(), decide()])).map(({ status }) => status);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 409]);
    expect(await ada.stored()).toHaveLength(4);
  });
});

describe("a session that ends in the middle of an answer", () => {
  test("stops the model; the stream ends with the code, and the question alone is stored", async () => {
    const model = hesitating();
    const { ada } = await served({ model });
    const elsewhere = await Visitor.inSession(ada.url);
    const { events } = await ada.listen("Hi");
    await firstSaid(events);
    await elsewhere.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
    expect(await told(events)).toEqual(["error SESSION_NOT_FOUND"]);
    await expect.poll(() => model.stopped).toBe(true);
    const { conversationId } = ada.session;
    expect(await elsewhere.stored(conversationId)).toEqual(["human: Hi"]);
    await expect.poll(() => elsewhere.answer(conversationId)).toMatchObject({ state: "interrupted", message: "Hi" });
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
    expect((await told(events)).at(-1)).toMatch(/^(?:error SESSION_NOT_FOUND|end gone)$/);
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
  test("is shown whole; sent again with its key, it is stored once", async () => {
    const model = new ScriptedModel("Hello Ada.");
    const { ada, network } = await servedThrough(model);
    const key = crypto.randomUUID();
    model.afterWord = (word) => {
      if (word === "Ada.") network.refuse();
      return Promise.resolve();
    };
    const { response, events } = await ada.listen("Hi", { key });
    expect(response.status).toBe(200);
    const heard = told(events);
    await expect.poll(() => model.given.length).toBe(1);
    model.afterWord = () => Promise.resolve();
    await pause(100);
    await network.heal();
    // However it ends for who listens, it does not end as stored when it is not.
    const said = await heard;
    expect(said.slice(0, 2)).toEqual(["text Hello ", "text Ada."]);
    await expect.poll(async () => (await ada.send("/session")).status, { timeout: 10_000 }).toBe(200);
    const { status } = await ada.say("Hi", key);
    expect(status).toBe(said.at(-1) === "end stored" ? 409 : 200);
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
    expect((await told(events)).at(-1)).toBe("end stored");
    expect(await ada.stored()).toEqual(["human: first", "ai: Hello.", "human: second", "ai: Hello."]);
  });
});

describe("an agent that fails", () => {
  const failing = (): ScriptedModel => new ScriptedModel(new Error("the provider quotes: my secret message"));

  test("is a 502, of which the log has where and not what", async () => {
    const { service, ada } = await served({ model: failing() });
    expect(await ada.say("my secret message")).toMatchObject({ status: 502, json: { code: "AGENT_FAILED" } });
    const { events } = await ada.listen("my secret message");
    expect(await told(events)).toEqual(["problem AGENT_FAILED", "end interrupted"]);
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
    expect((await told(events)).slice(-2)).toEqual(["problem AGENT_FAILED", "end interrupted"]);
    await expect.poll(() => ada.stored()).toEqual(["human: Hi", expect.stringMatching(/^ai!: one/)]);
  });

  test.each([
    { status: 401, code: "MODEL_REFUSED_KEY" },
    { status: 429, code: "MODEL_RATE_LIMITED" },
    { status: 503, code: "MODEL_UNAVAILABLE" },
  ])("by its provider with a $status is told as $code, without what the provider said", async ({ status, code }) => {
    const refusal = Object.assign(new Error("my secret message"), { status });
    const { ada, service } = await served({ model: new ScriptedModel(refusal, refusal) });
    const { events } = await ada.listen("Hi");
    expect(await told(events)).toEqual([`problem ${code}`, "end interrupted"]);
    expect(await ada.say("Hi")).toMatchObject({ status: 502, json: { code } });
    expect(service.lines.join("")).not.toContain("secret");
  });

  test("to come to an end is stopped in time", async () => {
    const { ada } = await served({ model: new ScriptedModel(never), environment: { TURN_TIMEOUT: "1s" } });
    expect(await ada.say("Hi")).toMatchObject({ status: 504, json: { code: "TURN_TIMED_OUT" } });
    expect(await ada.stored()).toEqual(["human: Hi"]);
  });

  test("leaves a conversation that goes by its question, in the list, in a search and by itself", async () => {
    const { ada } = await served({ model: new ScriptedModel(new Error("no"), "Hello.") });
    await ada.say("Where do answers go?");
    const path = `/conversations/${ada.session.conversationId}/messages`;
    const titled = [{ title: "Where do answers go?" }];
    for (const message of ["And now?", undefined]) {
      expect((await ada.send("/conversations")).json.conversations).toMatchObject(titled);
      expect((await ada.send("/conversations?search=where")).json.conversations).toMatchObject(titled);
      expect((await ada.send(path)).json).toMatchObject(titled[0] ?? {});
      if (message !== undefined) await ada.say(message);
    }
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
  expect((await ada.stored()).at(-1)).toBe("ai: given 4"); // of four, those from a question on, and the system prompt
  expect((await ada.say("e")).json.messageCount).toBe(10);
  const { json } = await ada.send("/conversations");
  expect(json.conversations).toMatchObject([{ title: "a" }]);
});
