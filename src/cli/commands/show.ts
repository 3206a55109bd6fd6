import { type AIMessage } from "@langchain/core/messages";
import type { Owner } from "../../sessions/options.js";
import type { SessionStore } from "../../sessions/store.js";
import { exportedMessage, type StoredMessage } from "../../sessions/stored-message.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { type Output, timeCell } from "../output.js";
import { ownerOf, storeOf } from "../owner.js";

export const show: Command = {
  name: "show",
  operands: ["user", "conversation"],
  options: ["org", "texts"],
  about: "Shows the messages of a conversation: type, time and length; with --texts, also the texts",
  run: async (call: Call) => {
    const { output, operands, options } = call;
    const print = output.format === "json" ? printJson : printText;
    for await (const message of all(storeOf(call), ownerOf(call), operands[1] ?? "")) {
      await print(output, message, options.texts === true ? "texts" : "no texts");
    }
    return EXIT.done;
  },
};

const PAGE = 100;

/** Yields the messages, oldest first, a page at a time. */
async function* all(store: SessionStore, owner: Owner, id: string): AsyncGenerator<StoredMessage> {
  for (let from = 0; ; from += PAGE) {
    const page = await store.conversations.messages(owner, id, { limit: PAGE, before: from + PAGE });
    // Near the end of the conversation, a page also holds messages of the page before.
    yield* page.filter(({ index }) => index >= from);
    if ((page.at(-1)?.index ?? -1) < from + PAGE - 1) return;
  }
}

type Shown = "texts" | "no texts";

async function printText(output: Output, { index, at, message }: StoredMessage, shown: Shown): Promise<void> {
  const { text } = message;
  const calls = (message as AIMessage).tool_calls ?? [];
  const size = [counted(text.length, "character"), ...(calls.length === 0 ? [] : [counted(calls.length, "tool call")])];
  await output.line(`#${index}  ${timeCell(at)}  ${message.type}  ${size.join(", ")}`);
  if (shown === "no texts") return;
  // Indent each line, so that no text can pass for the beginning of another message.
  for (const line of text === "" ? [] : text.split(/\r?\n/)) await output.line(`    ${line}`);
  for (const { name, args } of calls) await output.line(`    calls ${name} ${JSON.stringify(args)}`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

async function printJson(output: Output, stored: StoredMessage, shown: Shown): Promise<void> {
  const { index, position, at, message } = stored;
  const toolCalls = (message as AIMessage).tool_calls?.length ?? 0;
  const outside = { index, position, at, type: message.type, characters: message.text.length, toolCalls };
  await output.json(shown === "texts" ? { ...outside, message: exportedMessage(stored) } : outside);
}
