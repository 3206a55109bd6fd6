import type { UIMessage } from "ai";
import { AIMessage, type BaseMessage, ToolMessage } from "langchain";
import type { StoredMessage } from "langchain-redis-sessions";

type ToolCall = NonNullable<AIMessage["tool_calls"]>[number];
type Part = UIMessage["parts"][number];

/**
 * Returns stored messages as the page shows them. A user's message has its position as its id: pass it as `replaces`. All that
 * answers it is one message, with the position of its first message.
 */
export function toUIMessages(stored: readonly Pick<StoredMessage, "message" | "position">[]): UIMessage[] {
  const results = new Map(
    stored.flatMap(({ message }) => (ToolMessage.isInstance(message) ? [[message.tool_call_id, message]] : [])),
  );
  const shown: UIMessage[] = [];
  for (const { message, position } of stored) {
    if (message.type === "human") shown.push({ id: position, role: "user", parts: textParts(message) });
    if (!AIMessage.isInstance(message)) continue;
    const parts = answerParts(message, results);
    const last = shown.at(-1);
    if (last?.role === "assistant") last.parts.push(...parts);
    else if (parts.length > 0) shown.push({ id: position, role: "assistant", parts });
  }
  return shown;
}

function textParts(message: BaseMessage): Part[] {
  return message.text === "" ? [] : [{ type: "text", text: message.text, state: "done" }];
}

function answerParts(message: AIMessage, results: ReadonlyMap<string, ToolMessage>): Part[] {
  const said = message.contentBlocks.flatMap((block): Part[] => {
    if (block.type === "text" && block.text !== "") return [{ type: "text", text: block.text, state: "done" }];
    if (block.type === "reasoning") return [{ type: "reasoning", text: block.reasoning, state: "done" }];
    return [];
  });
  return [...said, ...(message.tool_calls ?? []).map((call) => toolPart(call, results.get(call.id ?? "")))];
}

function toolPart({ id = "", name, args }: ToolCall, result: ToolMessage | undefined): Part {
  const call = { type: `tool-${name}`, toolCallId: id, input: args } as const;
  if (result === undefined) return { ...call, state: "output-error", errorText: "The tool returned no result." };
  if (result.status === "error") return { ...call, state: "output-error", errorText: result.text };
  return { ...call, state: "output-available", output: result.text };
}
