// The channel on which the end of every operation is published.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Session as Inspector } from "node:inspector/promises";
import { HumanMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { OPERATIONS_CHANNEL, type OperationEnd } from "langchain-redis-sessions/telemetry";
import { afterEach, expect, test } from "vitest";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const heard: OperationEnd[] = [];
const hear = (end: unknown): void => {
  const told = end as OperationEnd;
  // A turn or an answer that a test of another file left may still have its lease, in the same process.
  if (!/^(?:lease|answer)\./.test(told.operation)) heard.push(told);
};
afterEach(() => {
  unsubscribe(OPERATIONS_CHANNEL, hear);
  heard.length = 0;
});

test("an end has a name, what came of it, and what it took", async () => {
  const client = onOneRedis.connect();
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  await history.addMessages([new HumanMessage("so that the scripts are known")]);
  subscribe(OPERATIONS_CHANNEL, hear);
  await history.addMessages([new HumanMessage("hello")]);
  await history.getMessages();
  const [append, read] = heard;
  expect(append).toEqual({
    operation: "history.append",
    outcome: "appended",
    counts: undefined,
    milliseconds: expect.any(Number) as number,
    roundTrips: 1,
    bytesSent: expect.any(Number) as number,
    bytesReceived: expect.any(Number) as number,
  });
  expect(append?.bytesSent).toBeGreaterThan(100);
  expect(read).toMatchObject({ operation: "history.read", roundTrips: 1 });
  expect(read?.bytesReceived).toBeGreaterThan(100);
  await client.quit();
});

test("a failure has its code, the class of an error that is not the library's, and no message", async () => {
  const client = onOneRedis.connect();
  const sessions = new SessionStore({ client });
  const { token, session } = await sessions.create({ userId: freshId(), agentId: "support" });
  await sessions.end(token);
  subscribe(OPERATIONS_CHANNEL, hear);
  await expect(sessions.verify(token)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  await expect(sessions.history(session).addMessages([new HumanMessage("hello")])).rejects.toMatchObject({
    code: "SESSION_NOT_FOUND",
  });
  expect(heard).toMatchObject([
    { operation: "session.verify", error: "SESSION_NOT_FOUND" },
    { operation: "conversation.append", error: "SESSION_NOT_FOUND" },
  ]);
  await sessions.close();
  await client.quit();
});

test("a limit's evictions are counted", async () => {
  const client = onOneRedis.connect();
  const sessions = new SessionStore({ client, maxSessionsPerUser: 1 });
  const owner = { userId: freshId(), agentId: "support" };
  await sessions.create(owner);
  subscribe(OPERATIONS_CHANNEL, hear);
  await sessions.create(owner);
  expect(heard).toMatchObject([{ operation: "session.create", outcome: "created", counts: { evicted: 1 } }]);
  await sessions.close();
  await client.quit();
});

/** Returns how many bytes were allocated in functions of the files that observe, out of all that were sampled. */
async function allocatedWhileObserving(work: () => Promise<void>): Promise<number> {
  interface Frame {
    readonly callFrame: { readonly url: string };
    readonly selfSize: number;
    readonly children: readonly Frame[];
  }
  const inspector = new Inspector();
  inspector.connect();
  await inspector.post("HeapProfiler.startSampling", {
    samplingInterval: 256,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as never);
  await work();
  const { profile } = (await inspector.post("HeapProfiler.stopSampling")) as { profile: { head: Frame } };
  inspector.disconnect();
  const sizeIn = ({ callFrame, selfSize, children }: Frame): number =>
    (/diagnostics\/operations|counting-port/.test(callFrame.url) ? selfSize : 0) +
    children.reduce((sum, child) => sum + sizeIn(child), 0);
  return sizeIn(profile.head);
}

test("while nobody observes, nothing is made for it; control: with a subscriber, something is", async () => {
  const client = onOneRedis.connect();
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  const work = async (): Promise<void> => {
    for (let index = 0; index < 60; index++) {
      await history.addMessages([new HumanMessage("hello")]);
      await history.getMessages();
    }
  };
  await work();
  // An observation of each of the 120 operations is many times as much. V8 allocates here too, when it compiles a function
  // again, but not every time.
  await expect.poll(() => allocatedWhileObserving(work)).toBeLessThan(1_000);
  subscribe(OPERATIONS_CHANNEL, hear);
  expect(await allocatedWhileObserving(work)).toBeGreaterThan(5_000);
  await client.quit();
});
