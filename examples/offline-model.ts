import { setTimeout as pause } from "node:timers/promises";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { counted } from "./print.js";

/**
 * A chat model for trying things out without a key or a network. It understands a few sentences, calls five tools, and
 * what it knows it knows from the messages that it is given: without the history it cannot tell the name.
 */
export class OfflineChatModel extends BaseChatModel {
  readonly #millisecondsPerWord: number;
  readonly #thinksMilliseconds: number;

  /** How fast it speaks when it is streamed, by default a hundred words a second; and how long it thinks before. */
  constructor({ millisecondsPerWord = 10, thinksMilliseconds = 0 } = {}) {
    super({});
    this.#millisecondsPerWord = millisecondsPerWord;
    this.#thinksMilliseconds = thinksMilliseconds;
  }

  override _llmType(): string {
    return "offline";
  }

  /** It calls `time_in`, `transfer`, `remember`, `recall` and `forget`, whether it has them or not. */
  override bindTools(): this {
    return this;
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const message = answerTo(messages);
    if (this.#thinksMilliseconds > 0) await pause(this.#thinksMilliseconds);
    return { generations: [{ text: message.text, message }] };
  }

  /** Word by word. */
  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { text, tool_calls: calls = [] } = answerTo(messages);
    if (this.#thinksMilliseconds > 0) await pause(this.#thinksMilliseconds, undefined, { signal: options.signal });
    for (const word of text.match(/\S+\s*/gu) ?? []) {
      options.signal?.throwIfAborted();
      yield await said(new AIMessageChunk(word), runManager);
      await pause(this.#millisecondsPerWord);
    }
    for (const [index, { id = "", name, args }] of calls.entries()) {
      const chunk = { id, name, args: JSON.stringify(args), index, type: "tool_call_chunk" as const };
      yield await said(new AIMessageChunk({ content: "", tool_call_chunks: [chunk] }), runManager);
    }
  }
}

async function said(message: AIMessageChunk, runManager?: CallbackManagerForLLMRun): Promise<ChatGenerationChunk> {
  const chunk = new ChatGenerationChunk({ text: message.text, message });
  await runManager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
  return chunk;
}

function answerTo(messages: readonly BaseMessage[]): AIMessage {
  const last = messages.at(-1);
  if (last?.type === "tool") return new AIMessage(saidOf(last));
  const heard = messages.filter((message) => message.type === "human").map((message) => message.text);
  // A ConversationChain writes the whole conversation into one message.
  const latest = heard.at(-1)?.split("Human: ").at(-1) ?? "";
  const place = /\btime\b.* in (\p{L}+)/iu.exec(latest)?.[1];
  if (place !== undefined) return calling("time_in", { zone: `Europe/${place}` });
  const [, amount, to] = /\bsend (\d+) euros to (\p{L}+)/iu.exec(latest) ?? [];
  if (to !== undefined) return calling("transfer", { amount: Number(amount), to });
  const fact = /^(?:please )?remember (?:that )?(.+?)[.!]*$/isu.exec(latest.trim())?.[1];
  if (fact !== undefined) return calling("remember", { fact });
  if (/\bwhat\b.*\b(?:remember|know about me)\b/iu.test(latest)) return calling("recall", {});
  if (/\bforget\b.*\b(?:everything|all|me)\b/iu.test(latest)) return calling("forget", {});
  const name = heard.map((text) => /my name is (\p{L}+)/iu.exec(text)?.[1]).findLast(Boolean);
  if (/my name is/iu.test(latest)) return new AIMessage(`Nice to meet you, ${name}.`);
  if (/\bmy name\b/iu.test(latest)) {
    return new AIMessage(name ? `Your name is ${name}.` : "You have not told me your name.");
  }
  if (/\bmarkdown\b/iu.test(latest)) return new AIMessage(markdown);
  if (/\bstory\b/iu.test(latest)) return new AIMessage(/\blong\b/iu.test(latest) ? longStory() : story);
  return new AIMessage(`I am an offline stand-in for a model. I was given ${counted(messages.length, "message")}.`);
}

/** What it makes of what a tool found. */
function saidOf(message: BaseMessage): string {
  const { name, text } = message;
  if (ToolMessage.isInstance(message) && message.status === "error") return "All right, I leave it.";
  if (["remember", "recall", "forget", "transfer"].includes(name ?? "")) return text;
  return `It is ${text}.`;
}

const story = "Once upon a time there was a list in Redis, and every turn that came was put at its end.";

const markdown = `## Queues in Redis

A **list** is the simplest queue. It has *two ends*, see [the documentation](https://redis.io/docs/latest/commands/?group=list).

| Command | Does | Waits |
|:--------|:-----|:-----:|
| \`LPUSH\` | puts one at the head | no |
| \`BRPOP\` | takes one from the tail | yes |

1. Somebody puts a job in.
2. A worker takes it out:
   - at once, if there is one
   - later, if there is none

\`\`\`js
// Waits for up to five seconds.
const [, job] = (await redis.brpop("jobs", 5)) ?? [];
if (job !== undefined) await work(JSON.parse(job));
\`\`\`

> A job that is taken and not done is lost: move it to a list of those under way instead.
`;

/** Long enough for somebody to stop it. */
function longStory(): string {
  const days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
  const chapters = days.map(
    (day) =>
      `On ${day} somebody came along, said a few words, waited for an answer, and was told that both were kept, ` +
      "once and whole, whatever had happened to the wire in between.",
  );
  return `${story} ${chapters.join(" ")} And there they are still.`;
}

function calling(name: string, args: Record<string, unknown>): AIMessage {
  const id = `call-${crypto.randomUUID()}`;
  return new AIMessage({ content: "", tool_calls: [{ id, name, args, type: "tool_call" }] });
}
