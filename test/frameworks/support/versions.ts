import { createRequire } from "node:module";
import * as callbacks from "@langchain/core/callbacks/base";
import * as models from "@langchain/core/language_models/chat_models";
import * as messages from "@langchain/core/messages";
import * as outputs from "@langchain/core/outputs";
import * as runnables from "@langchain/core/runnables";
import * as langgraph from "@langchain/langgraph";
import * as langchain from "langchain";

// The packages of which src/frameworks knows internals: those that are installed here (the newest that the lock file
// names), and the oldest ones that package.json allows, which test/oldest has. The oldest langchain asks for this core.

export interface Versions {
  readonly callbacks: typeof callbacks;
  readonly models: typeof models;
  readonly messages: typeof messages;
  readonly outputs: typeof outputs;
  readonly runnables: typeof runnables;
  readonly langgraph: typeof langgraph;
  readonly langchain: typeof langchain;
}

const require = createRequire(new URL("../../oldest/package.json", import.meta.url));
const here = createRequire(import.meta.url);

const oldest: Versions = {
  callbacks: require("@langchain/core/callbacks/base") as typeof callbacks,
  models: require("@langchain/core/language_models/chat_models") as typeof models,
  messages: require("@langchain/core/messages") as typeof messages,
  outputs: require("@langchain/core/outputs") as typeof outputs,
  runnables: require("@langchain/core/runnables") as typeof runnables,
  langgraph: require("@langchain/langgraph") as typeof langgraph,
  langchain: require("langchain") as typeof langchain,
};
const newest: Versions = { callbacks, models, messages, outputs, runnables, langgraph, langchain };

function versionOf(name: string, from: NodeJS.Require): string {
  return (from(`${name}/package.json`) as { version: string }).version;
}

/** Returns the oldest and the newest versions that are tested, each with the number of the named package's. */
export function versionsOf(name: "@langchain/core" | "@langchain/langgraph" | "langchain"): [string, Versions][] {
  return [
    [`${name} ${versionOf(name, require)}`, oldest],
    [`${name} ${versionOf(name, here)}`, newest],
  ];
}

/** Makes a model that says the words one after another, or calls the tools first. */
export function modelOf(versions: Versions, ...answers: (string | messages.ToolCall)[]) {
  const { BaseChatModel } = versions.models;
  const { AIMessage, AIMessageChunk } = versions.messages;
  const { ChatGenerationChunk } = versions.outputs;
  const asMessage = (answer: string | messages.ToolCall): messages.AIMessage =>
    typeof answer === "string" ? new AIMessage(answer) : new AIMessage({ content: "", tool_calls: [answer] });

  return new (class extends BaseChatModel {
    override _llmType(): string {
      return "canary";
    }

    override bindTools(): this {
      return this;
    }

    override async _generate(): Promise<outputs.ChatResult> {
      const message = asMessage((answers.length > 1 ? answers.shift() : answers[0]) ?? "");
      return { generations: [{ text: message.text, message }] };
    }

    override async *_streamResponseChunks(
      ...[, , runManager]: Parameters<models.BaseChatModel["_streamResponseChunks"]>
    ): AsyncGenerator<outputs.ChatGenerationChunk> {
      const said = (answers.length > 1 ? answers.shift() : answers[0]) ?? "";
      const parts =
        typeof said === "string"
          ? said.split(/(?<= )/u).map((content) => new AIMessageChunk({ content, id: "said" }))
          : [new AIMessageChunk({ content: "", tool_calls: [said], id: "said" })];
      for (const message of parts) {
        const chunk = new ChatGenerationChunk({ text: message.text, message });
        yield chunk;
        await runManager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
      }
    }
  })({});
}
