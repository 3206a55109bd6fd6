// The program of docs/how-to/postgres.md on a real PostgreSQL server, and what the page says of failures.
import { Command } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, tool, type ToolRuntime } from "langchain";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { connect, SessionStore, StoreUnavailableError } from "../../src/index.js";
import { sessionMiddleware } from "../../src/agents/index.js";
import { faultyProxy, type FaultyProxy, type RunningRedis, startRedis } from "../../src/testing/index.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { freshId } from "../support/turns.js";
import { type ModelProvider, startModelProvider } from "./support/model-provider.js";
import { Page } from "./support/page.js";
import { Postgres } from "./support/postgres.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/postgres.md");
const site = new Site("postgres", page.files);

let redis: RunningRedis;
let postgres: Postgres;
let provider: ModelProvider;
beforeAll(async () => {
  [redis, postgres, provider] = await Promise.all([startRedis(), Postgres.start(), startModelProvider()]);
});
afterAll(async () => {
  provider[Symbol.dispose]();
  await postgres[Symbol.asyncDispose]();
  await redis.stop();
});

test("its types are right", async () => {
  expect(await site.typeErrors()).toBe("");
});

test("the program waits for approval; another process, with another session, sends the money once", async () => {
  const environment = { ...provider.environment, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
  const bank = (...words: string[]) => site.run(["--import", "tsx", "bank.ts", ...words], environment);
  const { stdout } = await bank("Please send 50 euros to Bob.");
  const [, userId = "", conversationId = ""] =
    /^waits for approval: npx tsx bank.ts approve (\S+) (\S+)\n$/.exec(stdout) ?? [];
  const pool = new pg.Pool({ connectionString: postgres.url });
  const transfers = async () => (await pool.query("SELECT * FROM transfers")).rows as unknown[];
  expect(await transfers()).toEqual([]);
  expect((await bank("approve", userId, conversationId)).stdout).toBe("Hello Ada.\n");
  const sent = [{ thread: conversationId, call: "call_1", amount: 50, recipient: "Bob" }];
  expect(await transfers()).toEqual(sent);
  await pool.end();
  const client = connect(redis.url);
  const messages = await new SessionStore({ client }).conversations.messages({ userId }, conversationId);
  expect(messages.map(({ message }) => message.type)).toEqual(["human", "ai", "tool", "ai"]);
  await client.quit();
});

interface Bank {
  readonly sessions: SessionStore;
  readonly token: string;
  readonly model: ScriptedModel;
  readonly invoke: (input: { readonly messages: string } | Command | null) => Promise<string[]>;
  readonly stored: () => Promise<string[]>;
  readonly transfers: () => Promise<number>;
}

let proxy: FaultyProxy;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  proxy = await faultyProxy(redis);
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await proxy.close();
});

/** The agent of the page, whose tool does something to a server before or after it has stored the transfer. */
async function bankWith(during: { before?: () => Promise<void>; after?: () => Promise<void> } = {}): Promise<Bank> {
  const client = connect(proxy.url);
  client.on("error", () => {});
  const sessions = new SessionStore({ client, deadline: "2s" });
  const pool = new pg.Pool({ connectionString: postgres.url, connectionTimeoutMillis: 2_000 });
  pool.on("error", () => {});
  const checkpointer = new PostgresSaver(pool);
  await checkpointer.setup();
  await pool.query(
    "CREATE TABLE IF NOT EXISTS transfers (thread text, call text, amount int, recipient text, PRIMARY KEY (thread, call))",
  );
  closing.push(
    () => pool.end(),
    () => client.quit(),
    () => sessions.close(),
  );
  const send = tool(
    async ({ amount, to }: { amount: number; to: string }, { toolCallId, config }: ToolRuntime) => {
      await during.before?.();
      const values = [config.configurable?.["thread_id"], toolCallId, amount, to];
      await pool.query("INSERT INTO transfers VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", values);
      await during.after?.();
      return "sent";
    },
    { name: "send", description: "Sends euros", schema: z.object({ amount: z.number(), to: z.string() }) },
  );
  const model = new ScriptedModel(calling(["send", { amount: 50, to: "Bob" }]), "done", "more");
  const agent = createAgent({
    model,
    tools: [send],
    checkpointer,
    middleware: [
      sessionMiddleware({ sessions, persist: "step", concurrency: "reject" }),
      // Its types do not hold under exactOptionalPropertyTypes.
      humanInTheLoopMiddleware({ interruptOn: { send: true } } as never) as AgentMiddleware,
    ],
  });
  const { token, session } = await sessions.create({ userId: freshId(), agentId: "bank" });
  const thread = session.conversationId;
  const config = { context: { session }, configurable: { thread_id: thread }, durability: "sync" as const };
  return {
    sessions,
    token,
    model,
    invoke: async (input) => (await agent.invoke(input as never, config)).messages.map(({ type }) => type),
    stored: async () => (await sessions.history(session).getMessages()).map(({ type }) => type),
    transfers: async () => (await pool.query("SELECT 1 FROM transfers WHERE thread = $1", [thread])).rowCount ?? 0,
  };
}

const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });
const whole = ["human", "ai", "tool", "ai"];

test("Redis away when a turn begins: refused before the model is asked, and no tool runs", async () => {
  const bank = await bankWith();
  proxy.refuse();
  await expect(bank.invoke({ messages: "Send 50 to Bob" })).rejects.toThrow(StoreUnavailableError);
  expect(bank.model.given).toEqual([]);
  await proxy.heal();
  expect(await bank.transfers()).toBe(0);
});

test("PostgreSQL away when a turn begins: the call rejects, and no tool runs", async () => {
  const bank = await bankWith();
  await postgres.stop();
  await expect(bank.invoke({ messages: "Send 50 to Bob" })).rejects.toThrow(/ECONNREFUSED/);
  await postgres.goOn();
  expect(bank.model.given).toEqual([]);
  expect(await bank.transfers()).toBe(0);
});

test("Redis away when a step is to be stored: the money is sent once, and the run goes on with null", async () => {
  const bank = await bankWith({ after: async () => proxy.refuse() });
  await bank.invoke({ messages: "Send 50 to Bob" });
  await expect(bank.invoke(approve)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await proxy.heal();
  expect(await bank.transfers()).toBe(1);
  expect(await bank.invoke(null)).toEqual(whole);
  expect(await bank.transfers()).toBe(1);
  expect(await bank.stored()).toEqual(whole);
});

test("PostgreSQL crashes in the tool: invoked again with null, the run goes on, and the money is sent once", async () => {
  let crashes = 1;
  const bank = await bankWith({
    after: async () => {
      if (crashes-- > 0) await postgres.stop();
    },
  });
  await bank.invoke({ messages: "Send 50 to Bob" });
  await expect(bank.invoke(approve)).rejects.toThrow(/terminat|ECONN|shutting down|crash/);
  await postgres.goOn();
  expect(await bank.transfers()).toBe(1);
  expect(await bank.invoke(null)).toEqual(whole);
  expect(await bank.transfers()).toBe(1);
  expect(await bank.stored()).toEqual(whole);
});

test("PostgreSQL crashes before the money is sent: nothing is sent until the run goes on", async () => {
  let crashes = 1;
  const bank = await bankWith({
    before: async () => {
      if (crashes-- > 0) await postgres.stop();
    },
  });
  await bank.invoke({ messages: "Send 50 to Bob" });
  await bank.invoke(approve).catch(() => {});
  await postgres.goOn();
  expect(await bank.transfers()).toBe(0);
});

test("an ended session: verify refuses it, and a resume that skips verify runs the tool before it is refused", async () => {
  const bank = await bankWith();
  await bank.invoke({ messages: "Send 50 to Bob" });
  await bank.sessions.end(bank.token);
  await expect(bank.sessions.verify(bank.token)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  expect(await bank.transfers()).toBe(0);
  // LangGraph goes straight to the tool, and no saver of ours is asked before.
  await expect(bank.invoke(approve)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  expect(await bank.transfers()).toBe(1);
});
