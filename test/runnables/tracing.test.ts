// What tracers see of a turn: one run with the runnable's inside it, what went in and came out, errors, and no secrets.
import { BaseTracer, type Run } from "@langchain/core/tracers/base";
import { beforeEach, describe, expect, inject, test } from "vitest";
import { RedisChatMessageHistory, type Session } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";

class RecordingTracer extends BaseTracer {
  readonly name = "recording";
  readonly roots: Run[] = [];

  protected async persistRun(run: Run): Promise<void> {
    this.roots.push(run);
  }
}

const { single } = inject("servers");

let tracer: RecordingTracer;
let token: string;
let session: Session;
beforeEach(async () => {
  tracer = new RecordingTracer();
  const init = { userId: "SECRET-user", orgId: freshId(), agentId: "support", ipAddress: "192.0.2.7" };
  ({ token, session } = await sessions.create(init));
});

const chainOf = (runnable: ScriptedModel) => new RunnableWithSession({ runnable, sessions });
const config = () => ({ configurable: { session, operationId: freshId() }, callbacks: [tracer] });

const ways = {
  invoke: async (chain: ReturnType<typeof chainOf>) => {
    await chain.invoke("Hi", config());
  },
  stream: async (chain: ReturnType<typeof chainOf>) => {
    for await (const _part of await chain.stream("Hi", config()));
  },
};

describe.each(Object.entries(ways))("%s()", (_way, run) => {
  test("is one run, with the model's inside it", async () => {
    await run(chainOf(answering()));
    expect(tracer.roots).toHaveLength(1);
    const [root] = tracer.roots;
    expect(root).toMatchObject({ name: "RunnableWithSession", run_type: "chain" });
    expect(root?.error).toBeUndefined();
    expect(root?.child_runs.map((child) => [child.name, child.run_type])).toEqual([["ScriptedModel", "llm"]]);
    expect(root?.child_runs[0]?.parent_run_id).toBe(root?.id);
    expect(JSON.stringify(root?.inputs)).toContain("Hi");
    expect(JSON.stringify(root?.outputs)).toContain("re: Hi");
  });

  test("records the error of the model", async () => {
    const failing = new ScriptedModel(async function* () {
      yield "Hel";
      throw new Error("out of order");
    });
    await expect(run(chainOf(failing))).rejects.toThrow("out of order");
    expect(tracer.roots[0]?.error).toContain("out of order");
    expect(tracer.roots[0]?.child_runs[0]?.error).toContain("out of order");
  });

  test("records that a turn was not stored", async () => {
    const ending = new ScriptedModel(async function* () {
      yield "Hello";
      await client.del(...(await client.keys(`*${session.id}`)));
    });
    await expect(run(chainOf(ending))).rejects.toMatchObject({ code: "TURN_NOT_STORED" });
    expect(tracer.roots).toHaveLength(1);
    expect(tracer.roots[0]?.error).toContain("was not stored");
  });

  test("shows nothing of the session and its token, or of the client", async () => {
    await run(chainOf(answering()));
    const seen = new WeakSet();
    const all = JSON.stringify(tracer.roots, (key, value: unknown) => {
      if (key === "parent_run" || typeof value === "function") return undefined;
      if (typeof value !== "object" || value === null) return value;
      if (seen.has(value)) return undefined;
      seen.add(value);
      return value;
    });
    expect(all).toContain("re: Hi");
    for (const secret of [token, "SECRET-user", "192.0.2.7", session.id]) expect(all).not.toContain(secret);
    // As a number of its own: its digits may stand within those of a time.
    expect(all).not.toMatch(new RegExp(`(?<![\\w.])${single.port}(?!\\w)`));
  });
});

test("a stream that is broken off is a run that has ended", async () => {
  for await (const _part of await chainOf(hanging(["Hel"])).stream("Hi", config())) break;
  await expect.poll(() => tracer.roots.length).toBe(1);
  expect(tracer.roots[0]).toMatchObject({ error: expect.stringContaining("left"), end_time: expect.any(Number) });
});

test("the runnable as it is shown holds no client, no store and no options", async () => {
  const withSessions = chainOf(answering());
  const withHistory = new RunnableWithSession({
    runnable: answering(),
    getMessageHistory: (sessionId) => new RedisChatMessageHistory({ client, sessionId }),
    config: { metadata: { key: "SECRET" } },
  });
  for (const chain of [withSessions, withHistory]) {
    expect(JSON.parse(JSON.stringify(chain))).toEqual({
      lc: 1,
      type: "not_implemented",
      id: ["langchain_redis_sessions", "runnables", "RunnableWithSession"],
    });
    expect(Object.keys(chain)).toEqual(expect.not.arrayContaining(["sessions", "runnable", "config"]));
    expect(JSON.stringify(chain.lc_kwargs)).toBe("{}");
  }
});
