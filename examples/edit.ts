// A past that can be changed: `npm run edit`.
//
// A model fails twice, and the same request, repeated, leaves its question in the conversation once. The answer is
// generated again; the question is edited; and a fork goes on from the middle, while the conversation stays as it was.
import type { BaseMessage } from "@langchain/core/messages";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { connect, OperationConflictError, type Session, SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { counted, heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

/** Says its lines one after another. It fails where a line is an error. */
class ScriptedModel extends BaseChatModel {
  readonly #lines: (string | Error)[];

  constructor(lines: readonly (string | Error)[]) {
    super({});
    this.#lines = [...lines];
  }

  override _llmType(): string {
    return "scripted";
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    line("model", `reads ${counted(messages.length, "message")}`);
    const said = this.#lines.shift();
    if (said === undefined || said instanceof Error) throw said ?? new Error("The script is over.");
    return { generations: [{ text: said, message: new AIMessage(said) }] };
  }
}

await using redis = await redisForExample();
const client = connect(redis.url);
const sessions = new SessionStore({ client, keyPrefix: "example" });
let { session } = await sessions.create({ userId: `ada-${process.pid}`, agentId: "travel" });

const overloaded = new Error("The model is overloaded.");
const model = new ScriptedModel([
  overloaded,
  overloaded,
  "Lisbon.",
  "Porto.",
  "Bergen.",
  "A raincoat.",
  "Fish soup at the harbour.",
]);
const chain = new RunnableWithSession<string, BaseMessage>({ runnable: model, sessions });

heading("The model fails twice. The request is repeated under its own operation id: the question is there once");
const operationId = crypto.randomUUID();
const first = "Where should I go for a weekend?";
for (let attempt = 1; attempt <= 3; attempt += 1) {
  if (attempt > 1) console.log();
  await ask(first, { operationId });
  await show(session);
}

heading("Once more under that operation id: the turn is stored, and the model is not asked");
await ask(first, { operationId });
await show(session);

heading("Generate the answer again: the same question, in place of itself");
await ask(first, { replaces: await lastQuestion() });
await show(session);

heading("Edit the question: another one takes its place");
await ask("Where should I go in the north?", { replaces: await lastQuestion() });
await show(session);

heading("The conversation goes on");
await ask("What should I pack?");
await show(session);

heading("Fork in front of the last question, and go on there");
const original = session;
const fork = await sessions.conversations.fork(session, session.conversationId, {
  before: await lastQuestion(),
  title: "What to eat",
});
session = await sessions.openConversation(session, fork.id);
await ask("What should I eat there?");
await show(session);

heading("The conversation that was forked is as it was");
await show(original);

await sessions.eraseUser(session);
await sessions.close();
await client.quit();
console.log();

async function ask(input: string, turn: { operationId?: string; replaces?: string } = {}): Promise<void> {
  line("you", input);
  try {
    line("ai", (await chain.invoke(input, { configurable: { session, ...turn } })).text);
  } catch (error) {
    if (error instanceof OperationConflictError) line("error", `${error.code}: read the answer that is stored`);
    else if (error === overloaded) line("error", overloaded.message);
    else throw error;
  }
  console.log();
}

/** The position of what the user said last. */
async function lastQuestion(): Promise<string> {
  const messages = await sessions.conversations.messages(session, session.conversationId);
  const question = messages.findLast(({ message }) => message.type === "human");
  if (question === undefined) throw new Error("Nothing was asked.");
  return question.position;
}

async function show({ conversationId, userId }: Session): Promise<void> {
  for (const { message, index } of await sessions.conversations.messages({ userId }, conversationId)) {
    line("redis", `${index + 1}  ${message.type.padEnd(5)}  ${message.text}`);
  }
}
