import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

type Part = string | AIMessageChunk;

/** What a model says to what it is given: all at once, or part after part, in its own time. */
type Script = (
  messages: BaseMessage[],
  signal: AbortSignal | undefined,
) => Promise<string | AIMessage> | string | AIMessage | AsyncIterable<Part>;

/** One answer: a text, a message, an error to throw, or a function of what the model is given. */
export type Answer = string | AIMessage | Error | Script;

/**
 * A chat model that follows a script, and keeps what it was given. A text is streamed word by word, and stops when the
 * model is told to; what comes in parts, as it comes. The last answer is repeated.
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
    const answer = await this.#answer(messages, options.signal);
    const message = isInParts(answer) ? await joined(answer) : answer;
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const answer = await this.#answer(messages, options.signal);
    const parts = isInParts(answer) ? answer : this.#words(answer, options.signal);
    for await (const part of parts) {
      const message = toChunk(part);
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
      if (!isInParts(answer) && message.text !== "") await this.afterWord(message.text.trim());
    }
  }

  async *#words(message: AIMessage, signal: AbortSignal | undefined): AsyncGenerator<Part> {
    for (const word of message.text.match(/\S+\s*/gu) ?? [""]) {
      signal?.throwIfAborted();
      yield word;
    }
    if (!message.tool_calls?.length) return;
    const tool_call_chunks = message.tool_calls.map(({ id, name, args }, index) => ({
      id: id ?? "",
      name,
      args: JSON.stringify(args),
      index,
      type: "tool_call_chunk" as const,
    }));
    yield new AIMessageChunk({ content: "", tool_call_chunks });
  }

  async #answer(messages: BaseMessage[], signal: AbortSignal | undefined): Promise<AIMessage | AsyncIterable<Part>> {
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

function isInParts(answer: AIMessage | AsyncIterable<Part>): answer is AsyncIterable<Part> {
  return Symbol.asyncIterator in answer;
}

async function joined(parts: AsyncIterable<Part>): Promise<AIMessageChunk> {
  let answer = new AIMessageChunk("");
  for await (const part of parts) answer = answer.concat(toChunk(part));
  return answer;
}

function toChunk(part: Part): AIMessageChunk {
  return typeof part === "string" ? new AIMessageChunk(part) : part;
}

/** `re: ` and what was said last, in three parts. */
export function answering(): ScriptedModel {
  return new ScriptedModel(async function* (messages) {
    const said = messages.at(-1)?.text ?? "";
    yield "re";
    yield ": ";
    yield said;
  });
}

/** Says so much, then nothing more until it is aborted; with `"deaf"` not even then. */
export function hanging(said: readonly Part[], hearing: "hears" | "deaf" = "hears"): ScriptedModel {
  return new ScriptedModel(async function* (_messages, signal) {
    yield* said;
    await silence((reject) => {
      if (hearing === "hears") signal?.addEventListener("abort", () => reject(new Error("The model heard it.")));
    });
  });
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
  return silence((reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** Goes on until it is rejected. A timer holds it, as a real model is held by its socket: else a turn is garbage by then. */
function silence(listen: (reject: (reason: Error) => void) => void): Promise<never> {
  return new Promise<never>((_resolve, reject) => {
    setTimeout(reject, 3_600_000).unref();
    listen(reject);
  });
}
