import type { UIMessageChunk } from "ai";
import { AIMessage, type BaseMessage, ToolMessage } from "langchain";

/** What an agent streams with `streamMode: ["messages", "updates"]`. */
export type AgentStream = AsyncIterable<readonly [mode: string, data: unknown]>;

/** Yields the chunks of a UI message: texts and reasoning as they come, tools when they are called and when they return. */
export async function* uiChunks(stream: AgentStream): AsyncGenerator<UIMessageChunk> {
  const part = new OpenPart();
  const calls = new OpenCalls();
  for await (const [mode, data] of stream) {
    if (mode === "updates") {
      for (const message of messagesOf(data)) {
        const chunks = calls.finish(message);
        if (chunks.length > 0) yield* [...part.close(), ...chunks];
      }
      continue;
    }
    const [message] = data as [BaseMessage];
    if (!AIMessage.isInstance(message)) continue;
    for (const block of message.contentBlocks) {
      if (block.type === "text") yield* part.add("text", message.id, block.text);
      if (block.type === "reasoning") yield* part.add("reasoning", message.id, block.reasoning);
    }
    const begun = "tool_call_chunks" in message ? message.tool_call_chunks : message.tool_calls;
    yield* calls.begin(begun as readonly Begun[] | undefined);
  }
  yield* part.close();
}

/** The text or reasoning that goes on. */
class OpenPart {
  #open: { readonly kind: "text" | "reasoning"; readonly of: string | undefined; readonly id: string } | undefined;
  #count = 0;

  add(kind: "text" | "reasoning", of: string | undefined, delta: string): UIMessageChunk[] {
    if (delta === "") return [];
    const isSame = this.#open?.kind === kind && this.#open.of === of;
    const begun: UIMessageChunk[] = [];
    if (!isSame) {
      begun.push(...this.close());
      this.#open = { kind, of, id: String(++this.#count) };
      begun.push({ type: `${kind}-start`, id: this.#open.id });
    }
    return [...begun, { type: `${kind}-delta`, id: String(this.#count), delta }];
  }

  close(): UIMessageChunk[] {
    if (this.#open === undefined) return [];
    const { kind, id } = this.#open;
    this.#open = undefined;
    return [{ type: `${kind}-end`, id }];
  }
}

interface Begun {
  readonly id?: string;
  readonly name?: string;
}

/** The tools that are called. Updates name messages more than once, and earlier ones: only what was begun here counts. */
class OpenCalls {
  readonly #calls = new Map<string, "begun" | "called">();

  *begin(calls: readonly Begun[] = []): Generator<UIMessageChunk> {
    for (const { id = "", name = "" } of calls) {
      if (id === "" || this.#calls.has(id)) continue;
      this.#calls.set(id, "begun");
      yield { type: "tool-input-start", toolCallId: id, toolName: name };
    }
  }

  finish(message: BaseMessage): UIMessageChunk[] {
    if (ToolMessage.isInstance(message)) {
      const toolCallId = message.tool_call_id;
      if (!this.#calls.delete(toolCallId)) return [];
      if (message.status === "error") return [{ type: "tool-output-error", toolCallId, errorText: message.text }];
      return [{ type: "tool-output-available", toolCallId, output: message.text }];
    }
    const called = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
    return called.flatMap(({ id = "", name, args }): UIMessageChunk[] => {
      if (this.#calls.get(id) !== "begun") return [];
      this.#calls.set(id, "called");
      return [{ type: "tool-input-available", toolCallId: id, toolName: name, input: args }];
    });
  }
}

/** Returns the messages that the nodes of a graph have added. */
function messagesOf(update: unknown): BaseMessage[] {
  const nodes = Object.values(update as Record<string, { messages?: BaseMessage[] } | null>);
  return nodes.flatMap((node) => (Array.isArray(node?.messages) ? node.messages : []));
}
