// A server passes on what an agent streams to a browser. sessionMiddleware keeps a record in the agent's state, and puts the
// past in front of the agent's messages. Neither is part of what the agent says.
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { type BaseCheckpointSaver, Command, MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, createMiddleware, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Session } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RedisSaver, SessionSaver } from "langchain-redis-sessions/langgraph";
import { hiddenState, opened } from "../../src/frameworks/hidden-state.js";
import { partsOf } from "../../src/frameworks/langgraph.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts } from "../support/turns.js";
import { client, sessions } from "./support/sessions.js";

const PAST = "said long ago";
const MODES = ["updates", "values", "messages", "custom", "tasks", "checkpoints", "debug", "tools"];
/** Modes that show what happens now. The others show the whole state, or what a node is given of it. */
const NEWS: ReadonlySet<unknown> = new Set(["updates", "messages", "custom", "tools"]);
const savers = {
  none: () => undefined,
  MemorySaver: () => new MemorySaver(),
  SessionSaver: () => new SessionSaver({ sessions }),
  RedisSaver: () => new RedisSaver({ client }),
};
type SaverName = keyof typeof savers;

let session: Session;
/** What the record has of the runs of a test, and nobody may see. */
let secrets: Set<string>;
let given: BaseMessage[];

beforeEach(async () => {
  ({ session } = await sessions.create({
    userId: `user-${freshId()}`,
    orgId: `org-${freshId()}`,
    agentId: "assistant",
  }));
  secrets = new Set(["_session", session.userId, String(session.orgId)]);
  const past = Array.from({ length: 50 }, (_, index) => [
    new HumanMessage(`${PAST}: question ${index}. ${"x".repeat(300)}`),
    new AIMessage(`${PAST}: answer ${index}. ${"x".repeat(300)}`),
  ]);
  await sessions.history(session).addMessages(past.flat());
});

const look = tool(({ at }) => `saw ${at}`, {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});

const noting = createMiddleware({
  name: "Noting",
  // langchain gives each middleware the parts of the state that it names.
  stateSchema: hiddenState as never,
  wrapModelCall(request, handler) {
    given = request.messages;
    const record = opened((request.state as { _session?: unknown })._session);
    for (const name of ["turn", "attempt", "lease"]) secrets.add(String(record?.[name]));
    return handler(request);
  },
}) as AgentMiddleware;

const agentOf = (model: ScriptedModel, checkpointer?: BaseCheckpointSaver, persist: "turn" | "step" = "turn") =>
  createAgent({
    model,
    tools: [look],
    ...(checkpointer ? { checkpointer } : {}),
    middleware: [
      sessionMiddleware({ sessions, persist, concurrency: "wait" }),
      humanInTheLoopMiddleware({ interruptOn: checkpointer ? { look: true } : {} } as never) as AgentMiddleware,
      noting,
    ],
  });
const lookingModel = (): ScriptedModel => new ScriptedModel(calling(["look", { at: "x" }]), "Done.");

/** What JSON makes of chunks. LangGraph names the caller's own config in a checkpoint, and so the session that is in it. */
const jsonOf = (chunk: unknown): string =>
  JSON.stringify(chunk, (name, value: unknown) => (name === "config" || name === "parentConfig" ? undefined : value)) ??
  "";

async function all(stream: unknown): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of (await stream) as AsyncIterable<unknown>) chunks.push(chunk);
  return chunks;
}

const callOf = (how: object = {}): never =>
  ({
    context: { session, operationId: `operation-${freshId()}` },
    configurable: { thread_id: session.conversationId },
    ...how,
  }) as never;

/** Runs a turn and returns its chunks. With a checkpointer the turn pauses, and another agent, as in another process, goes on. */
async function turn(
  saver: { readonly checkpointer: BaseCheckpointSaver | undefined; readonly persist: "turn" | "step" },
  how: object,
  via: "agent" | "graph" = "agent",
): Promise<unknown[]> {
  const model = lookingModel();
  const [first, second] = [1, 2].map(() => {
    const agent = agentOf(model, saver.checkpointer, saver.persist);
    return (via === "agent" ? agent : agent.graph) as typeof agent;
  }) as [ReturnType<typeof agentOf>, ReturnType<typeof agentOf>];
  const call = callOf(how);
  const input = { messages: [new HumanMessage("hello")] };
  const chunks = await all(first.stream(input, call));
  if (saver.checkpointer === undefined) return chunks;
  const resume = new Command({ resume: { decisions: [{ type: "approve" }] } });
  return [...chunks, ...(await all(second.stream(resume as never, call)))];
}

/** LangGraph's serializer reads the record as something that JSON shows as `{}`. */
const readBySerializer = (text: string, saver: SaverName): string =>
  saver === "MemorySaver" ? text.replaceAll('"_session":{}', "") : text;
const leaks = (text: string): string[] => [...secrets].filter((secret) => text.includes(secret));

const hows = [
  {},
  ...MODES.map((streamMode) => ({ streamMode })),
  { streamMode: MODES },
  { streamMode: ["updates", "messages"], subgraphs: true },
  { streamMode: MODES, subgraphs: true },
];

describe.each(["turn", "step"] as const)('persist: "%s"', (persist) => {
  test.each(Object.keys(savers) as SaverName[])("no stream shows the record; checkpointer: %s", async (saver) => {
    const checkpointer = savers[saver]();
    for (const how of hows) {
      const text = (await turn({ checkpointer, persist }, how)).map(jsonOf).join("\n");
      expect([how, leaks(readBySerializer(text, saver))]).toEqual([how, []]);
    }
    expect([...secrets].filter((secret) => secret === "undefined")).toEqual([]);
    expect(given.length).toBeGreaterThan(100);
    expect(await sessions.history(session).getMessages()).toHaveLength(100 + hows.length * 4);
  });

  test.each(Object.keys(savers) as SaverName[])(
    "no stream of what happens shows a message of the past; checkpointer: %s",
    async (saver) => {
      const checkpointer = savers[saver]();
      const how = { streamMode: MODES, subgraphs: true };
      for (const via of ["agent", "graph"] as const) {
        const chunks = (await turn({ checkpointer, persist }, how, via)).map((chunk) => partsOf(chunk as unknown[]));
        const told = chunks.filter(({ mode }) => NEWS.has(mode));
        expect(told.length).toBeGreaterThan(5);
        expect(told.map(({ payload }) => jsonOf(payload)).join("\n")).not.toContain(PAST);
        const results = chunks.filter(({ mode, payload }) => mode === "tasks" && "result" in (payload as object));
        expect(results.length).toBeGreaterThan(3);
        expect(results.map(({ payload }) => jsonOf(payload)).join("\n")).not.toContain(PAST);
      }
    },
  );
});

test.each(Object.keys(savers) as SaverName[])(
  "hello takes less than 5 kB after 100 messages; checkpointer: %s",
  async (saver) => {
    const agent = createAgent({
      model: new ScriptedModel("Hello."),
      ...(saver === "none" ? {} : { checkpointer: savers[saver]() }),
      middleware: [sessionMiddleware({ sessions, concurrency: "wait" }), noting],
    });
    for (let turns = 1; turns <= 2; turns += 1) {
      const chunks = await all(agent.stream({ messages: "hello" }, callOf()));
      const text = chunks.map((chunk) => JSON.stringify(chunk)).join("\n");
      expect(leaks(text)).toEqual([]);
      expect(text.length).toBeLessThan(5_000);
      expect(text).toContain("Hello.");
    }
  },
);

test("values are the whole state, with the past, and without the record", async () => {
  const agent = agentOf(lookingModel());
  const chunks = await all(agent.stream({ messages: "hello" }, callOf({ streamMode: "values" })));
  const last = chunks.at(-1) as { messages: BaseMessage[] };
  expect(texts(last.messages).filter((text) => text.startsWith(PAST))).toHaveLength(100);
  expect(Object.keys(JSON.parse(JSON.stringify(last)) as object)).toEqual(["messages"]);
});

test.each(["v1", "v2", "v3"] as const)("streamEvents %s shows nothing of the record", async (version) => {
  for (const saver of ["none", "SessionSaver"] as const) {
    const agent = createAgent({
      model: new ScriptedModel("Hello."),
      ...(saver === "none" ? {} : { checkpointer: savers[saver]() }),
      middleware: [sessionMiddleware({ sessions, concurrency: "wait" }), noting],
    });
    for (let turns = 1; turns <= 2; turns += 1) {
      const input = { messages: [new HumanMessage("hello")] };
      const events = await all(agent.streamEvents(input as never, callOf({ version })));
      expect(events.length).toBeGreaterThan(5);
      expect(leaks(events.map(jsonOf).join("\n"))).toEqual([]);
    }
  }
});

test("an agent with a structured answer streams nothing of the record, and this library no update with the past", async () => {
  const agent = createAgent({
    model: new ScriptedModel(calling(["extract-1", { word: "hello" }])),
    responseFormat: z.object({ word: z.string() }),
    middleware: [sessionMiddleware({ sessions, concurrency: "wait" }), noting],
  });
  const chunks = await all(agent.stream({ messages: "hello" }, callOf({ streamMode: MODES })));
  expect(leaks(chunks.map(jsonOf).join("\n"))).toEqual([]);
  const told = chunks.map((chunk) => partsOf(chunk as unknown[])).filter(({ mode }) => NEWS.has(mode));
  // langchain's own step writes the whole list of messages when the answer is structured.
  const ours = told.filter(({ payload }) => !("model_request" in (payload as object)));
  expect(ours.map(({ payload }) => jsonOf(payload)).join("\n")).not.toContain(PAST);
});
