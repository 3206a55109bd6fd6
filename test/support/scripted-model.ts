import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

/** One answer: a text, a message, an error to throw, or a function of what the model is given. */
export type Answer =
  | string
  | AIMessage
  | Error
  | ((messages: BaseMessage[], signal: AbortSignal | undefined) => Promise<string | AIMessage> | string | AIMessage);

/**
 * A chat model that follows a script, word by word when it is streamed, stops when it is told to, and keeps what it was
 * given. The last answer is repeated.
 */
export class ScriptedModel extends BaseChatModel {
  readonly given: BaseMessage[][] = [];
  /** Waited for after each streamed word. */
  afterWord: (word: string) => Promise<unknown> = () => Promise.resolve();
  /** Whether the latest call was told to stop. */
  stopped = false;
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    super({});
    this.#answers = answers;
  }

  override _llmType(): string {
    return "scripted";
  }

  override bindTools(): this {
    return this;
  }

  override async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    const message = await this.#answer(messages, options.signal);
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const message = await this.#answer(messages, options.signal);
    for (const word of message.text.match(/\S+\s*/gu) ?? [""]) {
      options.signal?.throwIfAborted();
      const chunk = new ChatGenerationChunk({ text: word, message: new AIMessageChunk({ content: word }) });
      yield chunk;
      await runManager?.handleLLMNewToken(word, undefined, undefined, undefined, undefined, { chunk });
      await this.afterWord(word.trim());
    }
    if (message.tool_calls?.length) {
      const tool_call_chunks = message.tool_calls.map(({ id, name, args }, index) => ({
        id: id ?? "",
        name,
        args: JSON.stringify(args),
        index,
        type: "tool_call_chunk" as const,
      }));
      const chunk = new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ content: "", tool_call_chunks }),
      });
      yield chunk;
      await runManager?.handleLLMNewToken("", undefined, undefined, undefined, undefined, { chunk });
    }
  }

  async #answer(messages: BaseMessage[], signal: AbortSignal | undefined): Promise<AIMessage> {
    this.given.push([...messages]);
    this.stopped = false;
    signal?.addEventListener("abort", () => {
      this.stopped = true;
    });
    const next = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    const said = typeof next === "function" ? await next(messages, signal) : (next ?? "");
    if (said instanceof Error) throw said;
    return typeof said === "string" ? new AIMessage(said) : said;
  }
}

/** An answer that calls tools: name and arguments. The ids are fresh each time. */
export function calling(...calls: readonly [name: string, args: Record<string, unknown>][]): () => AIMessage {
  return () =>
    new AIMessage({
      content: "",
      tool_calls: calls.map(([name, args]) => ({ id: `call-${crypto.randomUUID()}`, name, args, type: "tool_call" })),
    });
}

/** An answer that never comes, unless the call is stopped. */
export function never(_messages: BaseMessage[], signal: AbortSignal | undefined): Promise<string> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
