import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { type ChatResult, ChatGenerationChunk } from "@langchain/core/outputs";

type Part = string | AIMessageChunk;

/** What a model answers to what it is given, part after part; throws where the model fails. */
export type Script = (messages: readonly BaseMessage[], signal: AbortSignal | undefined) => AsyncIterable<Part>;

/** A chat model that does what a test tells it to, and keeps what it was given. */
export class ScriptedModel extends BaseChatModel {
  readonly given: BaseMessage[][] = [];
  readonly #script: Script;

  constructor(script: Script) {
    super({});
    this.#script = script;
  }

  override _llmType(): string {
    return "scripted";
  }

  override async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    let answer = new AIMessageChunk("");
    this.given.push(messages);
    for await (const part of this.#script(messages, options.signal)) answer = answer.concat(toChunk(part));
    return { generations: [{ text: answer.text, message: answer }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    this.given.push(messages);
    for await (const part of this.#script(messages, options.signal)) {
      const message = toChunk(part);
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
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
    await new Promise<never>((_resolve, reject) => {
      if (hearing === "hears") signal?.addEventListener("abort", () => reject(new Error("The model heard it.")));
    });
  });
}
