import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { SessionStore } from "../../../src/index.js";
import { Turn } from "../../../src/turns/turn.js";
import { said } from "./conversations.js";
import { ToldSettings, writeOutcomeOf } from "./outcomes.js";
import type { EditOrder } from "./editing-processes.js";

// A program of its own that edits messages. A line in: an EditOrder as JSON; it reads the conversation and says "begun", as
// a turn does before it asks the model. The next line in: it stores the turn, and says how that went.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);

let client: Redis | undefined;
for await (const line of lines) {
  const { address, keyPrefix, session, replaces, text } = JSON.parse(line) as EditOrder;
  client ??= new Redis(address);
  const history = new SessionStore({ client, keyPrefix }).history(session);
  const turn = await Turn.begin(history, new ToldSettings(), { replaces });
  say("begun");
  await lines.next();
  say(await writeOutcomeOf(turn.store(said(`Q: ${text}`, `re: ${text}`))));
}
