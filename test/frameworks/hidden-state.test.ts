// Canaries: each fails when LangGraph or langchain changes an internal on which src/frameworks/hidden-state.ts depends.
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { hidden, hiddenState, opened } from "../../src/frameworks/hidden-state.js";
import { unspoken, unstreamed } from "../../src/frameworks/langgraph.js";
import { texts } from "../support/turns.js";
import { modelOf, type Versions, versionsOf } from "./support/versions.js";

const SECRET = "the hidden content";
const modes = ["updates", "values", "tasks", "debug", "checkpoints", "messages", "custom"];

type Saver = InstanceType<Versions["langgraph"]["MemorySaver"]>;

describe.each(versionsOf("langchain"))("%s", (_version, versions) => {
  const { langchain, langgraph, messages } = versions;
  const { AIMessage, HumanMessage } = messages;
  const thread = { configurable: { thread_id: "1" } };
  const input = { messages: [new HumanMessage({ content: "Hi", id: "h" })] } as never;

  /** An agent of which each run hides one more item, and the list that the hooks and the model's wrapper had each time. */
  function agentOf(checkpointer?: Saver, middleware: object[] = []) {
    const seen: unknown[] = [];
    const items = (state: object): string[] =>
      (opened((state as { _session?: unknown })._session)?.["items"] ?? []) as string[];
    const agent = langchain.createAgent({
      model: modelOf(versions, "Hello."),
      tools: [],
      ...(checkpointer ? { checkpointer } : {}),
      middleware: [
        langchain.createMiddleware({
          name: "Hides",
          stateSchema: hiddenState as never,
          beforeAgent: (state: object) => ({ messages: [], _session: hidden({ items: [...items(state), SECRET] }) }),
          wrapModelCall(request: { state: object }, handler: (request: object) => unknown) {
            seen.push(items(request.state));
            return handler(request);
          },
          afterAgent(state: object) {
            seen.push(items(state));
          },
        } as never),
        ...(middleware as never[]),
      ],
    });
    return { agent, seen };
  }

  async function streamed(agent: ReturnType<typeof agentOf>["agent"], config: object): Promise<string> {
    const chunks: string[] = [];
    for await (const chunk of await agent.stream(input, config as never)) chunks.push(JSON.stringify(chunk));
    return chunks.join("\n");
  }

  test("hooks and the model's wrapper read what a hook has hidden", async () => {
    const { agent, seen } = agentOf();
    await agent.invoke(input);
    expect(seen).toEqual([[SECRET], [SECRET]]);
  });

  test("no stream's JSON has the part or its content, without a checkpointer and in a new thread of one", async () => {
    for (const checkpointer of [undefined, new langgraph.MemorySaver()]) {
      const { agent } = agentOf(checkpointer);
      for (const [index, streamMode] of [...modes, modes].entries()) {
        const all = await streamed(agent, { configurable: { thread_id: String(index) }, streamMode, subgraphs: true });
        expect([streamMode, all.includes("_session"), all.includes(SECRET)]).toEqual([streamMode, false, false]);
      }
    }
  });

  test("in a thread that LangGraph's serializer read, streams have the part as {} until it is written", async () => {
    const { agent } = agentOf(new langgraph.MemorySaver());
    await agent.invoke(input, thread);
    const all = await streamed(agent, { ...thread, streamMode: modes });
    expect(all).not.toContain(SECRET);
    expect(all.replaceAll('"_session":{}', "")).not.toContain("_session");
  });

  test("the next run of a thread reads what is hidden in its checkpoint", async () => {
    const { agent, seen } = agentOf(new langgraph.MemorySaver());
    await agent.invoke(input, thread);
    await agent.invoke(input, thread);
    expect(seen.slice(2)).toEqual([
      [SECRET, SECRET],
      [SECRET, SECRET],
    ]);
  });

  test("a checkpointer that makes plain JSON of a checkpoint keeps what is hidden", async () => {
    // LangGraph's own saver for Redis does this.
    class Plain extends langgraph.MemorySaver {
      override async put(...[config, checkpoint, ...others]: Parameters<Saver["put"]>) {
        const { channel_values: values } = checkpoint;
        const copy = { ...values, _session: JSON.parse(JSON.stringify({ ...values }))._session };
        return super.put(config, { ...checkpoint, channel_values: copy }, ...others);
      }
    }
    const { agent, seen } = agentOf(new Plain());
    await agent.invoke(input, thread);
    await agent.invoke(input, thread);
    expect(seen.at(-1)).toEqual([SECRET, SECRET]);
  });

  test("what a task wrote is stored with the content, and with all messages of an update that no stream shows", async () => {
    const said = new HumanMessage({ content: "said before", id: "b" });
    const written: unknown[] = [];
    class Watching extends langgraph.MemorySaver {
      override async putWrites(...[config, writes, ...others]: Parameters<Saver["putWrites"]>) {
        for (const [channel, value] of writes) {
          if (channel !== "_session" && channel !== "messages") continue;
          for (const text of [
            JSON.stringify(value),
            new TextDecoder().decode((await this.serde.dumpsTyped(value))[1]),
          ]) {
            written.push([channel, text.includes(SECRET), text.includes("said before")]);
          }
        }
        return super.putWrites(config, writes, ...others);
      }
    }
    const puts = langchain.createMiddleware({
      name: "Puts",
      beforeAgent: (state: { messages: BaseMessage[] }) => ({
        messages: state.messages.length > 1 ? [] : unstreamed([unspoken(said)]),
      }),
    });
    const { agent } = agentOf(new Watching(), [puts]);
    const all = await streamed(agent, { ...thread, streamMode: ["updates", "tasks"] });
    expect(written).toContainEqual(["_session", true, false]);
    expect(written).not.toContainEqual(["_session", false, false]);
    expect(written.filter((one) => (one as unknown[])[2] === true)).toHaveLength(2);
    const updates = all.split("\n").filter((line) => line.startsWith('["updates"'));
    expect(updates.join()).toContain("Puts.before_agent");
    expect(updates.join()).not.toContain("said before");
    const { values } = (await agent.graph.getState(thread)) as { values: { messages: BaseMessage[] } };
    expect(texts(values.messages)).toEqual(["Hi", "said before", "Hello."]);
    expect(AIMessage.isInstance(values.messages.at(-1))).toBe(true);
  });
});
