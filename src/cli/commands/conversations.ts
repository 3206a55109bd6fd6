import type { Owner } from "../../sessions/options.js";
import type { Conversation } from "../../sessions/session.js";
import type { SessionStore } from "../../sessions/store.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { timeCell } from "../output.js";
import { named, ownerOf, storeOf } from "../owner.js";

export const conversations: Command = {
  name: "conversations",
  operands: ["user"],
  options: ["org", "texts"],
  about: "Lists the conversations of a user, most recent first",
  run: async (call: Call) => {
    const { output, options } = call;
    const owner = ownerOf(call);
    // Without --texts, titles are not shown, so leave out those that cannot be read. Then no key is needed.
    const found = all(options.texts === true ? storeOf(call) : storeOf(call, { onCorrupt: "skip" }), owner);
    const count =
      options.texts === true
        ? await output.table([...columns, { title: "title", width: 20 }], found, cellsOf)
        : await output.table(columns, withoutTitles(found), cellsOf);
    if (count === 0) await output.nothing(`${named(owner)} has no conversation.`);
    return EXIT.done;
  },
};

const columns = [
  { title: "conversation", width: 22 },
  { title: "agent", width: 12 },
  { title: "created", width: 20 },
  { title: "last activity", width: 20 },
  { title: "messages", width: 8 },
];

function cellsOf(conversation: Conversation): readonly string[] {
  const { id, agentId, createdAt, lastActivityAt, messageCount, title = "" } = conversation;
  return [id, agentId, timeCell(createdAt), timeCell(lastActivityAt), String(messageCount), title];
}

const PAGE = 200;

async function* all(store: SessionStore, owner: Owner): AsyncGenerator<Conversation> {
  let known = new Set<string>();
  for (let before: Conversation | undefined; ;) {
    const page = await store.conversations.list(owner, { limit: PAGE, ...(before === undefined ? {} : { before }) });
    for (const one of page) if (!known.has(one.id)) yield one;
    known = new Set(page.map(({ id }) => id));
    // A conversation whose record was lost has no time, so the next page begins behind the last one that has, and repeats it.
    before = page.findLast(({ lastActivityAt }) => !Number.isNaN(lastActivityAt.getTime()));
    if (before === undefined || page.length < PAGE) return;
  }
}

async function* withoutTitles(found: AsyncIterable<Conversation>): AsyncGenerator<Conversation> {
  for await (const { title: _, ...conversation } of found) yield conversation;
}
