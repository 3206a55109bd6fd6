// What /telemetry knows of OpenTelemetry's own packages, held against the real ones.
import { context, createContextKey, trace } from "@opentelemetry/api";
import { isTracingSuppressed, suppressTracing } from "@opentelemetry/core";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { keyring, RedisChatMessageHistory } from "langchain-redis-sessions";
import { HumanMessage } from "@langchain/core/messages";
import { instrument } from "langchain-redis-sessions/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const provider = new NodeTracerProvider();
beforeAll(() => provider.register());
afterAll(async () => {
  trace.disable();
  context.disable();
  await provider.shutdown();
});

test("a context is marked as the SDK marks it", () => {
  const key = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
  expect(suppressTracing(context.active()).getValue(key)).toBe(true);
  expect(isTracingSuppressed(context.active().setValue(key, true))).toBe(true);
});

test("a key management service is asked in the caller's context: its own spans are made", async () => {
  const suppressed: boolean[] = [];
  const kept = new Map<string, string>();
  const noted = <Result>(result: Result): Promise<Result> => {
    suppressed.push(isTracingSuppressed(context.active()));
    return Promise.resolve(result);
  };
  const dataKeys = {
    get: (owner: string) => noted(kept.get(owner)),
    create: (owner: string, wrapped: string) => {
      if (!kept.has(owner)) kept.set(owner, wrapped);
      return noted(kept.get(owner) as string);
    },
    destroy: (owner: string) => noted(void kept.delete(owner)),
  };
  const uninstrument = instrument({ tracerProvider: trace });
  const client = onOneRedis.connect();
  try {
    const encryption = keyring({ current: "a", keys: { a: Buffer.alloc(32, 7) }, dataKeys });
    const history = new RedisChatMessageHistory({ client, sessionId: freshId(), encryption });
    await history.addMessages([new HumanMessage("hello")]);
  } finally {
    uninstrument();
    await client.quit();
  }
  expect(suppressed.length).toBeGreaterThan(0);
  expect(suppressed).not.toContain(true);
});
