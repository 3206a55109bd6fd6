// Every write of the library with what it takes to tell whether it took effect once, also when something else was
// written before it was repeated.
import type { AgentMemory, Session, SessionStore } from "langchain-redis-sessions";
import { historyKeys, memoryKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { isSealed } from "../../support/sealed.js";
import { freshId, texts, turn } from "../../support/turns.js";
import { pausingBehindRead } from "./behind-read.js";
import { graphOperations } from "./graph-operations.js";
import { type Library, LIMIT, type PreparedWrite, type WriteOperation } from "./write-operation.js";

type Made = Awaited<ReturnType<SessionStore["create"]>>;

interface User {
  readonly owner: { readonly userId: string };
  readonly made: readonly Made[];
  readonly session: Session;
  readonly token: string;
}

async function newUser({ sessions }: Library): Promise<User> {
  const owner = { userId: freshId() };
  const made: Made[] = [];
  for (let index = 0; index < LIMIT; index++) made.push(await sessions.create({ ...owner, agentId: "support" }));
  const newest = made.at(-1);
  if (newest === undefined) throw new Error("No session was made.");
  return { owner, made, ...newest };
}

const recordedIn =
  (keyOf: (operationId: string) => string): PreparedWrite["trace"] =>
  (operationId) => ({ key: keyOf(operationId), exists: 1 });

function ofUser(
  name: string,
  build: (direct: Library, user: User) => Omit<PreparedWrite, "trace">,
  { turns = false }: { turns?: boolean } = {},
): WriteOperation {
  return {
    name,
    prepare: async (direct) => {
      const user = await newUser(direct);
      if (turns) await direct.sessions.history(user.session).addMessages(turn("first"));
      const { operation } = ownerKeys("chat", ownerTag(user.owner.userId, undefined));
      return { ...build(direct, user), trace: recordedIn(operation) };
    },
  };
}

function ofMemory(
  name: string,
  build: (memory: AgentMemory, id: string, version: number) => Omit<PreparedWrite, "trace">,
): WriteOperation {
  return {
    name: `memory.${name}`,
    prepare: async (direct) => {
      const id = freshId();
      const memory = direct.memory(id);
      const { version } = await memory.setMany({ n: 1, list: ["first"], x: "first" });
      return { ...build(memory, id, version), trace: recordedIn(memoryKeys("chat", id).operation) };
    },
  };
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const nothing = (): Promise<void> => Promise.resolve();

const ofHistory: readonly WriteOperation[] = ["addMessages", "clear"].map((name) => ({
  name: `history.${name}`,
  prepare: async (direct) => {
    const id = freshId();
    const history = direct.history(id);
    if (name === "clear") await history.addMessages(turn("old"));
    return {
      trace: recordedIn(historyKeys("chat", id).operation),
      act: (library, options) =>
        name === "clear" ? library.history(id).clear(options) : library.history(id).addMessages(turn("one"), options),
      between: () => direct.history(id).addMessages(turn("two")),
      once: async (_result, after) =>
        same(texts(await direct.history(id).getMessages()), [
          ...(name === "clear" ? [] : ["one", "re: one"]),
          ...(after === "between" ? ["two", "re: two"] : []),
        ]),
    };
  },
}));

const ofSessions: readonly WriteOperation[] = [
  ofUser("sessions.create", ({ sessions }, { owner, made }) => ({
    act: (library, options) => library.sessions.create({ ...owner, agentId: "support" }, options),
    between: nothing,
    once: async (result) => {
      const { session, token, ended } = result as Made;
      const live = (await sessions.list(owner)).map(({ id }) => id);
      const expected = [...made.slice(1).map((one) => one.session.id), session.id];
      const opened = await sessions.verify(token);
      return same(ended, [made[0]?.session.id]) && same(live, expected) && opened.id === session.id;
    },
  })),
  ofUser("sessions.rotate", ({ sessions }, { token, session }) => ({
    act: (library, options) => library.sessions.rotate(token, options),
    between: nothing,
    once: async (result) => {
      const opened = await sessions.verify((result as Made).token);
      const old = await sessions.verify(token).catch((error: unknown) => error);
      return opened.id === session.id && (old as { reason?: string }).reason === "rotated";
    },
  })),
  ofUser("sessions.update", ({ sessions }, { token, session }) => ({
    act: (library, options) => library.sessions.update(session, { metadata: { step: 1, own: 1 } }, options),
    between: () => sessions.update(session, { metadata: { step: 2 } }),
    once: async (_result, after) =>
      same((await sessions.verify(token)).metadata, { own: 1, step: after === "between" ? 2 : 1 }) ||
      same((await sessions.verify(token)).metadata, { step: after === "between" ? 2 : 1, own: 1 }),
  })),
  ofUser(
    "sessions.openConversation",
    ({ sessions }, { token, session }) => ({
      act: (library, options) => library.sessions.openConversation(session, undefined, options),
      between: () => sessions.openConversation(session, session.conversationId),
      once: async (_result, after) => {
        const { conversationId } = await sessions.verify(token);
        return (conversationId === session.conversationId) === (after === "between");
      },
    }),
    { turns: true },
  ),
  ofUser("sessions.end", ({ sessions }, { owner, token }) => ({
    act: (library, options) => library.sessions.end(token, options),
    between: nothing,
    once: async (result) => result === true && (await sessions.list(owner)).length === LIMIT - 1,
  })),
  ofUser("sessions.endById", ({ sessions }, { owner, session }) => ({
    act: (library, options) => library.sessions.endById(owner, session.id, options),
    between: nothing,
    once: async (result) => result === true && (await sessions.list(owner)).length === LIMIT - 1,
  })),
  ofUser("sessions.endAll", ({ sessions }, { owner }) => ({
    act: (library, options) => library.sessions.endAll(owner, options),
    between: () => sessions.create({ ...owner, agentId: "since" }),
    once: async (result, after) =>
      result === LIMIT && (await sessions.list(owner)).length === (after === "between" ? 1 : 0),
  })),
  ofUser("sessions.history.addMessages", ({ sessions }, { session, token }) => ({
    act: (library, options) => library.sessions.history(session).addMessages(turn("one"), options),
    between: () => sessions.history(session).addMessages(turn("two")),
    once: async (_result, after) => {
      const expected = ["one", "re: one", ...(after === "between" ? ["two", "re: two"] : [])];
      const stored = texts(await sessions.history(session).getMessages());
      return same(stored, expected) && (await sessions.verify(token)).messageCount === expected.length;
    },
  })),
  ofUser(
    "sessions.history.clear",
    ({ sessions }, { session }) => ({
      act: (library, options) => library.sessions.history(session).clear(options),
      between: () => sessions.history(session).addMessages(turn("since")),
      once: async (_result, after) => (await sessions.history(session).length()) === (after === "between" ? 2 : 0),
    }),
    { turns: true },
  ),
  ofUser(
    "sessions.conversations.rename",
    ({ sessions }, { owner, session }) => ({
      act: (library, options) => library.sessions.conversations.rename(owner, session.conversationId, "One", options),
      between: () => sessions.conversations.rename(owner, session.conversationId, "Two"),
      once: async (_result, after) =>
        (await sessions.conversations.list(owner))[0]?.title === (after === "between" ? "Two" : "One"),
    }),
    { turns: true },
  ),
  ofUser(
    "sessions.conversations.delete",
    ({ sessions }, { owner, session }) => ({
      act: (library, options) => library.sessions.conversations.delete(owner, session.conversationId, options),
      between: () => sessions.history(session).addMessages(turn("since")),
      once: async (_result, after) =>
        (await sessions.conversations.list(owner)).length === (after === "between" ? 1 : 0),
    }),
    { turns: true },
  ),
];

const update: WriteOperation = {
  ...ofMemory("update", (memory, id) => ({
    act: (library, options, beforeWrite = nothing) =>
      library.memory(id).update(
        "list",
        async (items) => {
          await beforeWrite();
          return [...(items as string[]), "one"];
        },
        options,
      ),
    between: () => memory.append("list", "two"),
    once: async (result, after) =>
      !(result instanceof Error) &&
      same(await memory.get("list"), ["first", "one", ...(after === "between" ? ["two"] : [])]),
  })),
  kind: "update",
};

const ofMemories: readonly WriteOperation[] = [
  ofMemory("set", (memory, id) => ({
    act: (library, options) => library.memory(id).set("x", "one", options),
    between: () => memory.set("x", "two"),
    once: async (_result, after) => (await memory.get("x")) === (after === "between" ? "two" : "one"),
  })),
  ofMemory("set with ifVersion", (memory, id, version) => ({
    act: (library, options) => library.memory(id).set("x", "one", { ...options, ifVersion: version }),
    between: () => memory.set("x", "two"),
    once: async (result, after) =>
      !(result instanceof Error) && (await memory.get("x")) === (after === "between" ? "two" : "one"),
  })),
  ofMemory("setMany", (memory, id) => ({
    act: (library, options) => library.memory(id).setMany({ x: "one", y: "one" }, options),
    between: () => memory.set("x", "two"),
    once: async (_result, after) =>
      (await memory.get("x")) === (after === "between" ? "two" : "one") && (await memory.get("y")) === "one",
  })),
  ofMemory("increment", (memory, id) => ({
    act: (library, options) => library.memory(id).increment("n", 5, options),
    between: () => memory.increment("n", 100),
    once: async (result, after) => result === 6 && (await memory.get("n")) === (after === "between" ? 106 : 6),
  })),
  ofMemory("append", (memory, id) => ({
    act: (library, options) => library.memory(id).append("list", "one", options),
    between: () => memory.append("list", "two"),
    once: async (result, after) =>
      result === 2 && same(await memory.get("list"), ["first", "one", ...(after === "between" ? ["two"] : [])]),
  })),
  ofMemory("delete", (memory, id) => ({
    act: (library, options) => library.memory(id).delete("x", options),
    between: () => memory.set("x", "two"),
    once: async (result, after) =>
      result === true && (await memory.get("x")) === (after === "between" ? "two" : undefined),
  })),
  ofMemory("clear", (memory, id) => ({
    act: (library, options) => library.memory(id).clear(options),
    between: () => memory.set("x", "two"),
    once: async (_result, after) => (await memory.usage()).keys === (after === "between" ? 1 : 0),
  })),
];

/** What one script does where it is plain: sealed, it needs what is stored, or the lineage of the conversation. */
const readFirstWhenSealed: ReadonlySet<string> = new Set([
  "memory.increment",
  "memory.append",
  "sessions.conversations.rename",
]);

function asStored(operation: WriteOperation): WriteOperation {
  if (!(isSealed && readFirstWhenSealed.has(operation.name))) return operation;
  const prepare: WriteOperation["prepare"] = async (direct) => {
    const prepared = await operation.prepare(direct);
    const act: PreparedWrite["act"] = (library, options, beforeWrite) =>
      prepared.act(beforeWrite ? library.through(pausingBehindRead(library.client, beforeWrite)) : library, options);
    return { ...prepared, act };
  };
  return { ...operation, kind: "reading", prepare };
}

/** All but `eraseUser`, which has no operation id: see erasure.ts. */
export const writeOperations: readonly WriteOperation[] = [
  ...[...ofHistory, ...ofSessions, ...ofMemories].map(asStored),
  update,
  ...graphOperations,
];
