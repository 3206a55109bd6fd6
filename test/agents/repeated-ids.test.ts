// A proxy may give every answer the same id. A reader of a stream hears each answer once all the same, under an id of its own.
import { AIMessageChunk, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, tool } from "langchain";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Session } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts } from "../support/turns.js";
import { sessions } from "./support/sessions.js";

const ID = "chatcmpl-1";
let session: Session;
beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "assistant" }));
});

const look = tool(() => "seen", { name: "look", schema: z.object({}) });
const savers = {
  none: () => undefined,
  MemorySaver: () => new MemorySaver(),
  SessionSaver: () => new SessionSaver({ sessions }),
};

/** A model that calls a tool, and then answers in three parts. All of its answers have the same id. */
function repeating(): ScriptedModel {
  return new ScriptedModel(async function* (given) {
    if (given.at(-1)?.type === "human") {
      const call = { id: `call-${freshId()}`, name: "look", args: "{}", index: 0, type: "tool_call_chunk" } as const;
      yield new AIMessageChunk({ content: "I look. ", id: ID });
      yield new AIMessageChunk({ content: "", id: ID, tool_call_chunks: [call] });
      return;
    }
    const number = given.filter(({ type }) => type === "human").length;
    for (const part of [`Answer `, `${number}`, ". "]) yield new AIMessageChunk({ content: part, id: ID });
  });
}

/** What a reader hears of the model: each message with its id, put together from its chunks. */
type Heard = ReadonlyMap<string, string>;
type Way = (agent: ReturnType<typeof createAgent>, input: never, call: object) => Promise<Heard>;

/** What `streamEvents` yields of a message with the version "v3". */
interface MessageEvent {
  readonly event: string;
  readonly id?: string;
  readonly delta?: { readonly text?: string };
}

const ways: Record<string, Way> = {
  'the mode "messages"': async (agent, input, call) => {
    const heard = new Map<string, string>();
    for await (const chunk of await agent.stream(input, { ...call, streamMode: "messages" } as never)) {
      const [message] = chunk as unknown as [BaseMessage];
      if (message.type === "ai") heard.set(String(message.id), (heard.get(String(message.id)) ?? "") + message.text);
    }
    return heard;
  },
  "streamEvents v2": async (agent, input, call) => {
    const heard = new Map<string, string>();
    const events = agent.streamEvents(input, { ...call, version: "v2" } as never) as unknown as AsyncIterable<{
      event: string;
      data: { chunk: BaseMessage };
    }>;
    for await (const { event, data } of events) {
      if (event !== "on_chat_model_stream") continue;
      const { id, text } = data.chunk;
      heard.set(String(id), (heard.get(String(id)) ?? "") + text);
    }
    return heard;
  },
};

describe.each(Object.entries(savers))("checkpointer: %s", (_, open) => {
  test.each(Object.entries(ways))(
    "%s says each answer once, under the id with which it is stored",
    async (_way, hear) => {
      const checkpointer = open();
      const agent = createAgent({
        model: repeating(),
        tools: [look],
        middleware: [sessionMiddleware({ sessions })],
        ...(checkpointer && { checkpointer }),
      }) as unknown as ReturnType<typeof createAgent>;
      const call = { context: { session }, configurable: { session, thread_id: session.conversationId } };
      const ids = new Set<string>();
      for (let number = 1; number <= 3; number++) {
        const heard = await hear(agent, { messages: [new HumanMessage("Hi")] } as never, call);
        expect([...heard.values()]).toEqual(["I look. ", `Answer ${number}. `]);
        const stored = (await sessions.history(session).getMessages()).slice(-4);
        expect(texts(stored)).toEqual(["Hi", "I look. ", "seen", `Answer ${number}. `]);
        expect([...heard.keys()]).toEqual([stored[1]?.id, stored[3]?.id]);
        for (const id of heard.keys()) ids.add(id);
      }
      expect(ids.size).toBe(6);
    },
  );
});

test("streamEvents v3 says the answers of later turns once, under the id with which they are stored", async () => {
  const agent = createAgent({
    model: new ScriptedModel(async function* () {
      for (const part of ["Hello ", "Ada. "]) yield new AIMessageChunk({ content: part, id: ID });
    }),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  for (let number = 1; number <= 3; number++) {
    const heard = new Map<string, string>();
    let latest = "";
    const events = agent.streamEvents(
      { messages: [new HumanMessage("Hi")] } as never,
      {
        context: { session },
        version: "v3",
      } as never,
    ) as unknown as Promise<AsyncIterable<{ method: string; params: { data: MessageEvent } }>>;
    for await (const { method, params } of await events) {
      if (method !== "messages") continue;
      if (params.data.event === "message-start") latest = String(params.data.id);
      heard.set(latest, (heard.get(latest) ?? "") + (params.data.delta?.text ?? ""));
    }
    const stored = await sessions.history(session).getMessages();
    expect(stored).toHaveLength(number * 2);
    expect([...heard]).toEqual([[stored.at(-1)?.id, "Hello Ada. "]]);
  }
});
