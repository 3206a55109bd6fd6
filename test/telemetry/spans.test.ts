// The spans and metrics of what happens, with the real SDK.
import { HumanMessage } from "@langchain/core/messages";
import { ConversationNotFoundError, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { instrument } from "langchain-redis-sessions/telemetry";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { ScriptedModel } from "../support/scripted-model.js";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { Recorder } from "./support/recorder.js";

const recorder = new Recorder();
const client = onOneRedis.connect();
const sessions = new SessionStore({ client });
let uninstrument: () => void = () => {};
beforeEach(async () => {
  await client.ping();
  recorder.reset();
  uninstrument = instrument();
});
afterEach(() => uninstrument());
afterAll(async () => {
  await sessions.close();
  await client.quit();
  await recorder.stop();
});

const PREFIX = "langchain_redis_sessions";
const open = async () => (await sessions.create({ userId: freshId(), agentId: "support" })).session;
const ask = (session: unknown, ...answers: ConstructorParameters<typeof ScriptedModel>) =>
  new RunnableWithSession({ runnable: new ScriptedModel(...answers), sessions, concurrency: "reject" }).invoke(
    [new HumanMessage("hello")],
    { configurable: { session } },
  );

test("an operation is a span of its own, under the span that was active", async () => {
  const session = await open();
  recorder.reset();
  await trace.getTracer("test").startActiveSpan("request", async (span) => {
    await sessions.history(session).addMessages([new HumanMessage("hello")]);
    span.end();
  });
  const [append] = recorder.named("conversation.append");
  const [request] = recorder.named("request");
  expect(append?.kind).toBe(SpanKind.CLIENT);
  expect(append?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
  expect(append?.attributes).toMatchObject({
    "db.system.name": "redis",
    "gen_ai.conversation.id": session.conversationId,
    "gen_ai.agent.id": "support",
    [`${PREFIX}.outcome`]: "done",
  });
  // The client's own spans, which would have the arguments, are not there.
  expect(recorder.named("evalsha")).toEqual([]);
});

test("a turn tells how it ended: stored, interrupted, or refused with the code of the error", async () => {
  const session = await open();
  await ask(session, "hi");
  expect(recorder.named("turn")[0]?.attributes).toMatchObject({ [`${PREFIX}.outcome`]: "stored" });
  expect(recorder.named("lease.wait")[0]?.attributes).toMatchObject({ [`${PREFIX}.outcome`]: "granted" });
  recorder.reset();
  await expect(ask(session, new Error("the provider is down"))).rejects.toThrow("the provider is down");
  await expect.poll(() => recorder.named("turn")[0]?.attributes[`${PREFIX}.outcome`]).toBe("interrupted");
  recorder.reset();
  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: freshId(), input: "hello" });
  await expect(ask(session, "hi")).rejects.toMatchObject({ code: "CONVERSATION_BUSY" });
  const [refused] = recorder.named("turn");
  expect(refused?.attributes["error.type"]).toBe("CONVERSATION_BUSY");
  expect(refused?.status).toEqual({ code: SpanStatusCode.ERROR });
  await answer.close();
});

test("an answer, and who follows it, tell how it ended", async () => {
  const session = await open();
  const answers = sessions.answers(session);
  const answer = await answers.begin({ operationId: freshId(), input: "hello" });
  const follow = (async () => {
    for await (const _event of answers.follow());
  })();
  await expect.poll(async () => inFlight()).toBe(1);
  await answer.store([new HumanMessage("by hand")]);
  await answer.close();
  await follow;
  expect(recorder.named("answer")[0]?.attributes).toMatchObject({
    [`${PREFIX}.outcome`]: "stored",
    "gen_ai.conversation.id": session.conversationId,
  });
  expect(recorder.named("answer.follow")[0]?.attributes).toMatchObject({ [`${PREFIX}.outcome`]: "stored" });
  expect(await inFlight()).toBe(0);
});

const pointsOf = async (name: string) =>
  (await recorder.metrics())
    .filter(({ descriptor }) => descriptor.name === `${PREFIX}.${name}`)
    .flatMap(({ dataPoints }) => dataPoints as { attributes: Record<string, unknown>; value: unknown }[]);
const inFlight = async () => (await pointsOf("answers.in_flight"))[0]?.value;

test("whose data it is, is an HMAC of the name with a secret, and left out without one", async () => {
  const sessionId = `${freshId()}@example.com`;
  const append = () => new RedisChatMessageHistory({ client, sessionId }).addMessages([new HumanMessage("hello")]);
  await append();
  expect(recorder.named("history.append")[0]?.attributes["gen_ai.conversation.id"]).toBeUndefined();
  recorder.reset();
  uninstrument();
  uninstrument = instrument({ hashIds: "a secret for the test" });
  await append();
  await open();
  const [appended] = recorder.named("history.append");
  expect(appended?.attributes["gen_ai.conversation.id"]).toMatch(/^[\w-]{22}$/);
  expect(recorder.named("session.create")[0]?.attributes["user.hash"]).toMatch(/^[\w-]{22}$/);
});

test("an id that a caller looks for, and this library did not make, is in no span", async () => {
  const asked = sessions.conversations.get({ userId: freshId() }, "eve@example.com");
  await expect(asked).rejects.toThrow(ConversationNotFoundError);
  const [get] = recorder.named("conversation.get");
  expect(get?.attributes["error.type"]).toBe("CONVERSATION_NOT_FOUND");
  expect(get?.attributes["gen_ai.conversation.id"]).toBeUndefined();
});

test("metrics: durations by operation and outcome, bytes by direction, sessions that were ended", async () => {
  const few = new SessionStore({ client, maxSessionsPerUser: 1 });
  const owner = { userId: freshId(), agentId: "support" };
  await few.create(owner);
  const { session } = await few.create(owner);
  await few.endAll(session);
  await few.close();
  const created = (await pointsOf("operation.duration")).find(
    ({ attributes }) => attributes[`${PREFIX}.operation`] === "session.create",
  );
  expect(created?.attributes[`${PREFIX}.outcome`]).toBe("created");
  const directions = (await pointsOf("io")).map(({ attributes }) => attributes["network.io.direction"]);
  expect(new Set(directions)).toEqual(new Set(["transmit", "receive"]));
  const reasons = Object.fromEntries(
    (await pointsOf("sessions.ended")).map(({ attributes, value }) => [attributes[`${PREFIX}.reason`], value]),
  );
  expect(reasons).toMatchObject({ evicted: 1, ended: 1 });
});

test("after it was ended, nothing is recorded; a wrong option is refused", async () => {
  uninstrument();
  await open();
  expect(recorder.named("session.create")).toEqual([]);
  expect(() => instrument({ hashIds: "short" })).toThrow("hashIds: use a secret of at least 16 characters.");
  expect(() => instrument({ hashIDs: "misspelt" } as never)).toThrow("hashIDs");
});
