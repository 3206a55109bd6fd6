import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { createAgent, tool } from "langchain";
import { z } from "zod";
import { ScriptedModel } from "../../support/scripted-model.js";
import type { MeasuredSaver } from "./savers.js";

const sentence = "The quick brown fox jumps over the lazy dog. ";

const lookUp = tool(({ about }) => `${about}: ${sentence.repeat(11)}`, {
  name: "look_up",
  description: "Looks something up",
  schema: z.object({ about: z.string() }),
});

/** Takes turns of one conversation: a question, a call of a tool, its result, an answer. About 1.2 kB of text in all. */
export function toolTurns({ saver }: Pick<MeasuredSaver, "saver">, threadId: string): () => Promise<unknown> {
  let calls = 0;
  const model = new ScriptedModel((messages) => {
    // What a scripted model keeps of what it was given, a real one does not.
    model.given.length = 0;
    if (messages.at(-1) instanceof ToolMessage) return `${calls}. ${sentence.repeat(9)}`;
    calls += 1;
    return new AIMessage({
      content: "",
      tool_calls: [{ id: `call-${calls}`, name: "look_up", args: { about: `fox ${calls}` }, type: "tool_call" }],
    });
  });
  const agent = createAgent({ model, tools: [lookUp], checkpointer: saver });
  const config = { configurable: { thread_id: threadId } };
  return async () => agent.invoke({ messages: `${calls}. ${sentence.repeat(5)}` }, config);
}
