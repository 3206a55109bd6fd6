// What instruments of ioredis see: each argument of a script, so texts and ids too, unless they are told not to. What
// docs/redis.md advises against that, with the real packages.
import { tracingChannel } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import path from "node:path";
import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { HumanMessage } from "@langchain/core/messages";
import { SessionStore } from "langchain-redis-sessions";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { instrumentIoredis } from "../support/ioredis-instrumentation.js";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/redis.md"), "utf8");
/** Whether docs/redis.md shows this code. */
const advised = (code: string): boolean => page.includes(`\`${code}\``);
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let instrumentation: ReturnType<typeof instrumentIoredis>;

beforeAll(() => {
  provider.register();
  instrumentation = instrumentIoredis(provider);
});
beforeEach(() => {
  exporter.reset();
});
afterAll(async () => {
  instrumentation.disable();
  trace.disable();
  await provider.shutdown();
});

/** Stores a message in a session's conversation, as part of a trace; returns what must not be seen. */
async function storeSomething(): Promise<{ text: string; userId: string; token: string }> {
  const client = onOneRedis.connect();
  const sessions = new SessionStore({ client });
  const [text, userId] = [`a secret of ${freshId()}`, freshId()];
  const token = await trace.getTracer("test").startActiveSpan("request", async (span) => {
    const created = await sessions.create({ userId, agentId: "support" });
    await sessions.history(created.session).addMessages([new HumanMessage(text)]);
    span.end();
    return created.token;
  });
  await sessions.close();
  await client.quit();
  return { text, userId, token };
}

const spans = () =>
  exporter.getFinishedSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));

test("by default OpenTelemetry's instrumentation of ioredis writes texts and user ids into spans, but no tokens", async () => {
  instrumentation.setConfig({});
  const { text, userId, token } = await storeSomething();
  const seen = JSON.stringify(spans());
  expect(seen).toContain(text);
  expect(seen).toContain(userId);
  expect(seen).not.toContain(token);
});

test("with the serializer that docs/redis.md advises, OpenTelemetry's spans name commands only", async () => {
  expect(advised("new IORedisInstrumentation({ dbStatementSerializer: (name) => name })")).toBe(true);
  instrumentation.setConfig({ dbStatementSerializer: (name) => name });
  const { text, userId, token } = await storeSomething();
  expect(spans().map(({ name }) => name)).toContain("evalsha");
  const seen = JSON.stringify(spans());
  for (const secret of [text, userId, token]) expect(seen).not.toContain(secret);
});

test("a subscriber of ioredis' diagnostics channel gets texts and user ids, but no tokens", async () => {
  expect(advised("ioredis:command")).toBe(true);
  const heard: unknown[] = [];
  const start = (message: unknown) => heard.push(message);
  const channel = tracingChannel("ioredis:command");
  channel.start.subscribe(start);
  try {
    const { text, userId, token } = await storeSomething();
    const seen = JSON.stringify(heard);
    expect(seen).toContain(text);
    expect(seen).toContain(userId);
    expect(seen).not.toContain(token);
  } finally {
    channel.start.unsubscribe(start);
  }
});
