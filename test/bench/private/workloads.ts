import type { BaseMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import type { Redis } from "ioredis";
import { drawTurn, messagesOf } from "../../capacity/workload/conversation.js";
import { world } from "../../capacity/workload/world.js";
import type { Candidate } from "../measure/compare.js";
import { seededRandom } from "../measure/random.js";
import { TTL_SECONDS } from "../workloads/histories.js";
import { type Form, forms, optionsOf } from "./forms.js";

/** What each form does by turns, with the texts of `npm run capacity`: all forms store the same. */
export interface FormWorkload {
  readonly name: string;
  readonly title: string;
  readonly candidates: (client: Redis) => Promise<Candidate[]>;
}

const SEED = 5;

/** Returns a function that opens a new history object each time, as a program does for each turn. The ring stays. */
function opener(client: Redis, form: Form): (sessionId: string) => RedisChatMessageHistory {
  const options = optionsOf(form);
  return (sessionId) => new RedisChatMessageHistory({ client, sessionId, ttl: TTL_SECONDS, ...options });
}

const read = (length: number): FormWorkload => ({
  name: `read-${length}`,
  title: `Read ${length} messages`,
  candidates: (client) =>
    Promise.all(
      forms.map(async (name) => {
        const open = opener(client, name);
        const sessionId = `read ${name}`;
        await open(sessionId).addMessages(messagesOfLength(length));
        return { name, run: () => open(sessionId).getMessages() };
      }),
    ),
});

/** Each round has a conversation of its own. Its first turn, which makes the data key, does not count. */
const append: FormWorkload = {
  name: "append",
  title: "Append a turn of two messages",
  candidates: async (client) =>
    forms.map((name) => {
      const open = opener(client, name);
      const random = seededRandom(SEED);
      let [rounds, sessionId] = [0, ""];
      const run = (): Promise<void> =>
        open(sessionId).addMessages(messagesOf({ ...drawTurn(world, random), toolResult: undefined }, random));
      const prepare = (): Promise<void> => {
        sessionId = `append ${name} ${rounds++}`;
        return run();
      };
      return { name, prepare, run };
    }),
};

export const READ_LENGTH = 100;
export const formWorkloads: readonly FormWorkload[] = [read(READ_LENGTH), append];

function messagesOfLength(length: number): BaseMessage[] {
  const random = seededRandom(SEED);
  const messages: BaseMessage[] = [];
  while (messages.length < length) messages.push(...messagesOf(drawTurn(world, random), random));
  return messages.slice(0, length);
}
