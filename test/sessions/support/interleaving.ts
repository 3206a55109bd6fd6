import { setImmediate as nextRound } from "node:timers/promises";
import { type Session, LangChainRedisError, SessionStore } from "langchain-redis-sessions";
import { encodeMessage } from "../../../src/codec/encode.js";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId, turn } from "../../support/turns.js";
import type { Choices } from "./seeded.js";

const GRACE_MILLISECONDS = 60_000;
const DAY_MILLISECONDS = 86_400_000;
const sessionEndings = ["end", "endById", "endAll", "evict", "eraseUser"] as const;
const removals = ["clear", "conversations.delete", "eraseUser"] as const;
const endings = [...new Set([...sessionEndings, ...removals])];
const refusals = new Set(["SESSION_NOT_FOUND", "CONVERSATION_CHANGED", "CONVERSATION_NOT_FOUND"]);

/** How a turn is written: by the library, or by the control. */
export type Append = (world: World, session: Session, history: History, text: string) => Promise<void>;
type History = ReturnType<SessionStore["history"]>;
type Name = (typeof endings)[number] | "append" | "verify" | "update" | "openConversation";

export interface World {
  readonly clients: readonly Client[];
  readonly keyPrefix: string;
  readonly append: Append;
}

/** One call: when it was made, when it settled, and how. Ticks count what happened in this process. */
interface Attempt {
  readonly name: Name;
  readonly began: number;
  readonly settled: number;
  readonly outcome: string;
}

interface Turn {
  readonly text: string;
  readonly conversationId: string;
  /** When what it is based on had been read; without a read, when it had been stored. */
  readonly basedOn: number;
  readonly append: Attempt;
}

export interface Interleaving {
  /** Each resurrection, and whatever else should not be. */
  readonly problems: readonly string[];
  /** "append: ok", "append: SESSION_NOT_FOUND" … */
  readonly outcomes: readonly string[];
}

export const throughTheLibrary: Append = (_world, _session, history, text) => history.addMessages(turn(text));

/** What an append often is: the messages, and the sliding expiries, with no question asked. */
export const withoutChecks: Append = async ({ clients, keyPrefix }, { userId, id, conversationId }, _history, text) => {
  const keys = ownerKeys(keyPrefix, ownerTag(userId, undefined));
  const messages = turn(text).map((message, place) => `${encodeMessage(message, place)},"at":${Date.now()}}`);
  await clients[0]
    ?.multi()
    .rpush(keys.messages(conversationId), ...messages)
    .pexpire(keys.messages(conversationId), DAY_MILLISECONDS)
    .hset(keys.session(id), "activeAt", Date.now())
    .pexpire(keys.session(id), DAY_MILLISECONDS)
    .exec();
};

/**
 * One user with one session, one conversation and turns that have read it: one ending or two, and everything that a
 * session can do, under way at the same time in an order that the seed chooses. Judged by what Redis then holds.
 */
export async function interleave(world: World, choices: Choices): Promise<Interleaving> {
  const { clients, keyPrefix } = world;
  const user = { userId: freshId() };
  const init = { ...user, agentId: "support" };
  // A call goes out on any of several connections, so that Redis may see calls in another order than they were made.
  const store = (maxSessionsPerUser = 5): SessionStore =>
    new SessionStore({ client: choices.one(clients), keyPrefix, maxSessionsPerUser });

  let ticks = 0;
  const attempts: Attempt[] = [];
  const turns: Turn[] = [];
  const conversations = new Set<string>();
  const problems: string[] = [];
  const attempt = async (name: Name, call: () => Promise<unknown>): Promise<Attempt> => {
    ticks += 1;
    const began = ticks;
    const outcome = await call().then(
      () => "ok",
      (error: unknown) => (error instanceof LangChainRedisError ? error.code : String(error)),
    );
    ticks += 1;
    const made = { name, began, settled: ticks, outcome };
    if (outcome !== "ok" && !refusals.has(outcome)) problems.push(`${name} failed: ${outcome}`);
    attempts.push(made);
    return made;
  };
  const append = async (to: Session, history: History, basedOn?: number): Promise<void> => {
    const text = `turn ${ticks}`;
    const { conversationId } = to;
    const made = await attempt("append", () => world.append(world, to, history, text));
    turns.push({ text, conversationId, basedOn: basedOn ?? made.settled, append: made });
  };

  const { token, session } = await store().create(init);
  const { conversationId } = session;
  conversations.add(conversationId);
  await append(session, store().history(session));

  const afterReading = async (): Promise<() => Promise<void>> => {
    const history = store().history(session);
    await history.getMessages();
    const readAt = (ticks += 1);
    return () => append(session, history, readAt);
  };
  const wholeTurn = async (): Promise<void> => {
    try {
      await (
        await afterReading()
      )();
    } catch (error) {
      if (!(error instanceof LangChainRedisError && refusals.has(error.code))) throw error;
    }
  };
  const verify = (): Promise<unknown> => attempt("verify", () => store().verify(token));
  const update = (): Promise<unknown> =>
    attempt("update", () => store().update(session, { metadata: { place: ticks } }));
  const openConversation = async (): Promise<void> => {
    let moved: Session | undefined;
    await attempt("openConversation", async () => {
      moved = await store().openConversation(session);
    });
    if (!moved) return;
    conversations.add(moved.conversationId);
    await append(moved, store().history(moved));
  };
  const calls: Record<(typeof endings)[number], () => Promise<unknown>> = {
    end: () => store().end(token),
    endById: () => store().endById(user, session.id),
    endAll: () => store().endAll(user),
    evict: () => store(1).create(init),
    eraseUser: () => store().eraseUser(user),
    clear: () => store().history(session).clear(),
    "conversations.delete": () => store().conversations.delete(user, conversationId),
  };

  const racers = [...Array.from({ length: 1 + choices.below(3) }), undefined].map(() => afterReading());
  const [late, ...early] = await Promise.all(racers);
  const others = [verify, verify, update, update, openConversation, wholeTurn];
  const inFlight = [...early, ...choices.shuffled(others).slice(0, 1 + choices.below(4))];
  const [ending, second] = choices.shuffled(endings);
  // What is asked for once the ending has been acknowledged, while the rest may still be under way.
  const afterwards = choices.shuffled([late ?? wholeTurn, wholeTurn, verify, update, openConversation]);
  const acts: (() => Promise<unknown>)[] = [
    async () => {
      await attempt(ending ?? "end", calls[ending ?? "end"]);
      await Promise.all(afterwards.map((act) => act()));
    },
    ...inFlight,
    ...(choices.below(5) === 0 ? [() => attempt(second ?? "clear", calls[second ?? "clear"])] : []),
  ];
  const underWay: Promise<unknown>[] = [];
  for (const act of choices.shuffled(acts)) {
    underWay.push(act());
    if (choices.below(3) === 0) await nextRound();
  }
  await Promise.all(underWay);

  const [client] = clients;
  if (!client) throw new Error("An interleaving needs a client.");
  const keys = ownerKeys(keyPrefix, ownerTag(user.userId, undefined));
  problems.push(
    ...(await judgeSession(client, keys, session, attempts)),
    ...(await judgeConversations(client, keys, conversations, attempts, turns)),
  );
  // What a caller sees, too. The last question, because verify renews.
  const listed = (await store().list(user)).some(({ id }) => id === session.id);
  const verified = await attempt("verify", () => store().verify(token));
  const over = endedAt(attempts) !== undefined;
  if (listed === over) problems.push(`the session is ${over ? "ended, yet listed" : "live, yet not listed"}`);
  if ((verified.outcome === "ok") === over) problems.push(`verify says "${verified.outcome}"`);
  return {
    problems: problems.map((problem) => `${ending} ${problem}`),
    outcomes: attempts.map(({ name, outcome }) => `${name}: ${outcome}`),
  };
}

/** When the first call that ends the session was acknowledged. That it had nothing to end means the same. */
function endedAt(attempts: readonly Attempt[]): number | undefined {
  const acknowledged = attempts.filter(
    ({ name, outcome }) => outcome === "ok" && sessionEndings.some((ending) => ending === name),
  );
  return acknowledged.length === 0 ? undefined : Math.min(...acknowledged.map(({ settled }) => settled));
}

/**
 * A session is resurrected when, after an ending was acknowledged, it is in the index, or its record lives on without
 * saying that it has ended or beyond its grace, or anything that was asked for since was done.
 */
async function judgeSession(
  client: Client,
  keys: OwnerKeys,
  { id }: Session,
  attempts: readonly Attempt[],
): Promise<string[]> {
  const record = keys.session(id);
  const [score, ended, lifetime] = [
    await client.zscore(keys.sessions, id),
    await client.hget(record, "ended"),
    await client.pttl(record),
  ];
  const since = endedAt(attempts);
  if (since === undefined) return score === null || ended !== null ? ["ended a session that nobody ended"] : [];
  const problems: string[] = [];
  if (score !== null) problems.push("left the session in the index");
  if (lifetime !== -2) {
    if (ended === null) problems.push("left a record that does not say that it has ended");
    if (lifetime < 0 || lifetime > GRACE_MILLISECONDS) problems.push(`left a record for ${lifetime} ms`);
  }
  for (const { name, began, outcome } of attempts) {
    const bySession = ["append", "verify", "update", "openConversation", "clear"].includes(name);
    if (bySession && outcome === "ok" && began > since) problems.push(`was acknowledged before this ${name} began`);
  }
  return problems;
}

/**
 * A conversation is resurrected when it holds a turn that was refused, or one that was based on what a removal removed.
 * Each turn is there once and whole, unless it was refused or a removal ran that may have come after it.
 */
async function judgeConversations(
  client: Client,
  keys: OwnerKeys,
  conversations: ReadonlySet<string>,
  attempts: readonly Attempt[],
  turns: readonly Turn[],
): Promise<string[]> {
  const problems: string[] = [];
  const [first] = conversations;
  for (const id of conversations) {
    const stored = (await client.lrange(keys.messages(id), 0, -1)).map(textOf);
    const listed = await client.zscore(keys.conversations, id);
    const ofAgent = await client.hexists(keys.conversation(id), "agentId");
    const there = stored.length > 0;
    if (there !== (listed !== null)) problems.push(`a conversation of ${stored.length} is listed: ${listed !== null}`);
    if (there !== (ofAgent === 1)) problems.push(`a conversation of ${stored.length} has an agent: ${ofAgent === 1}`);

    const removed = attempts.filter(
      ({ name, outcome }) => outcome === "ok" && (name === "eraseUser" || (id === first && isRemoval(name))),
    );
    if (there && removed.some(({ name }) => name === "eraseUser")) problems.push("an erased user has messages");
    const expected: string[] = [];
    for (const { text, conversationId, basedOn, append } of turns) {
      if (conversationId !== id) continue;
      const whole = [text, `re: ${text}`];
      const found = stored.filter((one) => whole.includes(one));
      if (found.length > 0) expected.push(...whole);
      if (append.outcome !== "ok" && found.length > 0)
        problems.push(`a turn was refused (${append.outcome}) and stored`);
      if (append.outcome === "ok" && found.length === 0 && removed.every(({ settled }) => settled < append.began)) {
        problems.push("a turn was acknowledged and is not there");
      }
      if (found.length > 0 && removed.some(({ began }) => basedOn < began)) {
        problems.push("a turn that read before a removal was written back");
      }
    }
    if (stored.toSorted().join("\n") !== expected.toSorted().join("\n")) problems.push(`stored: ${stored.join(", ")}`);
  }
  return problems;
}

function isRemoval(name: Name): boolean {
  return removals.some((removal) => removal === name);
}

function textOf(entry: string): string {
  return (JSON.parse(entry) as { data: { content: string } }).data.content;
}
