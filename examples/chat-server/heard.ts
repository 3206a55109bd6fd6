import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { HITLRequest } from "langchain";

// What is heard of an agent while it answers, and sent to whoever follows the answer.

export type Heard =
  | { readonly type: "text"; readonly text: string }
  /** A tool is called. */
  | { readonly type: "call"; readonly id: string; readonly name: string; readonly args: unknown }
  /** It returned. */
  | {
      readonly type: "result";
      readonly id: string;
      readonly name: string;
      readonly text: string;
      readonly failed?: true;
    }
  /** A person has to decide. */
  | { readonly type: "approval"; readonly calls: HITLRequest["actionRequests"] };

/** What `agent.stream()` yields with `streamMode: ["messages", "updates"]`. */
type AgentStream = AsyncIterable<readonly [mode: string, data: unknown]>;

/** The nodes of an agent that say something new. Those of middleware name messages of the past, too. */
const MODEL_NODE = "model_request";
const TOOLS_NODE = "tools";

/** Returns the text of the answer in the end. */
export async function* heard(stream: AgentStream): AsyncGenerator<Heard, string, undefined> {
  let answer = "";
  const results = new Set<string>();
  for await (const [mode, data] of stream) {
    if (mode === "messages") {
      const [said] = data as readonly [BaseMessage];
      if (said.type === "ai" && said.text !== "") yield { type: "text", text: said.text };
      continue;
    }
    const update = data as Readonly<Record<string, unknown>>;
    const calls = requestsIn(update["__interrupt__"]);
    if (calls.length > 0) yield { type: "approval", calls };
    for (const [node, change] of Object.entries(update)) {
      for (const message of messagesIn(change)) {
        if (node === MODEL_NODE && AIMessage.isInstance(message)) {
          answer = message.text;
          for (const { id = "", name, args } of message.tool_calls ?? []) yield { type: "call", id, name, args };
        }
        // A call that a person refused has its result from a middleware.
        if (ToolMessage.isInstance(message) && (node === TOOLS_NODE || isRefusal(node))) {
          if (results.has(message.tool_call_id)) continue;
          results.add(message.tool_call_id);
          yield resultOf(message);
        }
      }
    }
  }
  return answer;
}

const isRefusal = (node: string): boolean => node.startsWith("HumanInTheLoopMiddleware");

function resultOf({ tool_call_id: id, name = "", text, status }: ToolMessage): Heard {
  return { type: "result", id, name, text, ...(status === "error" ? { failed: true as const } : {}) };
}

function requestsIn(interrupts: unknown): HITLRequest["actionRequests"] {
  if (!Array.isArray(interrupts)) return [];
  return (interrupts as { readonly value?: HITLRequest }[]).flatMap(({ value }) => value?.actionRequests ?? []);
}

function messagesIn(change: unknown): readonly BaseMessage[] {
  const { messages } = (change ?? {}) as { readonly messages?: unknown };
  return Array.isArray(messages) ? (messages as BaseMessage[]) : [];
}
