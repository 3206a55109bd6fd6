// The client's clock is an hour off, either way: what counts is the server's.
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import { AgentMemory, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { freshId, turn } from "../support/turns.js";
import { amount, report } from "./support/run.js";
import { libraryOn } from "./support/write-operation.js";
import { writeOperations } from "./support/write-operations.js";

const HOUR = 3_600_000;
const TIMES = amount(1, 25);
const { single } = inject("servers");
afterEach(() => {
  vi.useRealTimers();
});

describe.each([
  { way: "an hour ahead", offset: HOUR },
  { way: "an hour behind", offset: -HOUR },
])("a client whose clock is $way", ({ way, offset }) => {
  test("writes, repeats, expires and ends as any other", async () => {
    const client = new Redis({ ...single });
    vi.useFakeTimers({ now: Date.now() + offset, toFake: ["Date"] });
    const library = libraryOn(client);
    let [calls, wrong] = [0, 0];
    for (let time = 0; time < TIMES; time++) {
      for (const { prepare } of writeOperations) {
        const { act, between, once } = await prepare(library);
        const operationId = freshId();
        await act(library, { operationId });
        await between();
        const result = await act(library, { operationId });
        calls += 2;
        if (!(await once(result, "between"))) wrong += 1;
      }
    }
    const id = freshId();
    const history = new RedisChatMessageHistory({ client, sessionId: id, ttl: 60 });
    await history.addMessages(turn("hi"));
    const left = [await client.pttl(`chat:history:{${id}}:messages`)];
    const sessions = new SessionStore({ client, idleTimeout: 60, lifetime: 120 });
    const { session, token } = await sessions.create({ userId: id, agentId: "support" });
    const memory = new AgentMemory({ client, namespace: id });
    await memory.set("x", 1, { ttl: 60 });
    left.push((await memory.entry("x"))?.expiresAt?.getTime() ?? 0);
    const [serverSeconds] = await client.time();
    const server = Number(serverSeconds) * 1_000;
    left[1] = (left[1] ?? 0) - server;
    left.push(session.expiresAt.getTime() - server);
    for (const milliseconds of left) {
      expect(milliseconds).toBeGreaterThan(55_000);
      expect(milliseconds).toBeLessThan(62_000);
    }
    expect((await sessions.verify(token)).id).toBe(session.id);
    // Control: an expiry that the client reckons.
    await client.set(id, "control");
    await client.pexpireat(id, Date.now() + 60_000);
    const control = await client.pttl(id);
    expect(Math.abs(control - 60_000)).toBeGreaterThan(55_000);
    client.disconnect();
    expect(wrong).toBe(0);
    report("wrong-clock", {
      clock: way,
      writes: calls,
      "not once": wrong,
      "60 s are (history, memory, session), ms": left.map(Math.round).join(", "),
      "control: reckoned by the client, ms": control === -2 ? "gone at once" : control,
    });
  });
});
