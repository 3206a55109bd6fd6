// The writes of LangGraph's savers and stores. None of them has an operation id: what a call writes has a name.
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver, BaseStore } from "@langchain/langgraph-checkpoint";
import { RedisStore, sessionConfig } from "langchain-redis-sessions/langgraph";
import {
  itemKeys,
  type ItemKeys,
  ownerKeys,
  ownerTag,
  partitionName,
  threadKeys,
  type ThreadKeys,
} from "../../../src/redis/keys.js";
import { listed, put, threadConfig } from "../../langgraph/support/checkpoints.js";
import { freshId } from "../../support/turns.js";
import type { Library, PreparedWrite, WriteOperation } from "./write-operation.js";

/** A thread whose first checkpoint is stored, and how to reach it. */
interface NewThread {
  readonly config: RunnableConfig;
  readonly keys: ThreadKeys;
  readonly saverOf: (library: Library) => BaseCheckpointSaver;
}

const ofNobody = async (): Promise<NewThread> => {
  const id = freshId();
  return { config: threadConfig(id), keys: threadKeys("chat", id), saverOf: ({ saver }) => saver };
};

const ofSession = async ({ sessions }: Library): Promise<NewThread> => {
  const userId = freshId();
  const { session } = await sessions.create({ userId, agentId: "support" });
  const keys = ownerKeys("chat", ownerTag(userId, undefined)).thread(session.conversationId);
  return { config: sessionConfig(session), keys, saverOf: ({ sessionSaver }) => sessionSaver };
};

/** What is said is long: it is a node of its own, and the first node of its thread. */
const said = (text: string): HumanMessage => new HumanMessage({ content: text.repeat(100), id: text });
const textOf = (value: unknown): string => (value as HumanMessage).id ?? "";

const sameSet = (found: readonly string[], ...expected: readonly string[]): boolean =>
  found.toSorted().join(" ") === expected.toSorted().join(" ");

const ofSavers = (name: string, newThread: (direct: Library) => Promise<NewThread>): readonly WriteOperation[] => {
  const prepare =
    (build: (saver: BaseCheckpointSaver, first: RunnableConfig, thread: NewThread) => Omit<PreparedWrite, "trace">) =>
    async (direct: Library): Promise<PreparedWrite> => {
      const thread = await newThread(direct);
      const saver = thread.saverOf(direct);
      const first = await put(saver, { on: thread.config, values: { step: 1 } });
      const own = build(saver, { ...thread.config, ...first }, thread);
      return { ...own, trace: () => ({ key: thread.keys.nodes, exists: 1 }) };
    };
  return [
    {
      name: `${name}.put`,
      kind: "named",
      prepare: prepare((saver, first, { config, saverOf }) => ({
        act: (library, { operationId = freshId() }) =>
          put(saverOf(library), { on: first, values: { said: said("one") }, carried: { step: 1 }, id: operationId }),
        between: async () => {
          const latest = await saver.getTuple(config);
          await put(saver, { on: latest?.config ?? first, values: { said: said("two") }, carried: { step: 1 } });
        },
        once: async (_result, after) => {
          const all = (await listed(saver, config)).map(({ checkpoint }) => checkpoint.channel_values);
          const texts = all.slice(0, -1).map((values) => textOf(values["said"]));
          const isWhole = all.every(({ step }) => step === 1);
          return isWhole && texts.join(" ") === (after === "between" ? "two one" : "one");
        },
      })),
    },
    {
      name: `${name}.putWrites`,
      kind: "named",
      prepare: prepare((saver, first, { config, saverOf }) => ({
        act: (library, { operationId = freshId() }) =>
          saverOf(library).putWrites(first, [["said", said("one")]], operationId),
        between: () => saver.putWrites(first, [["said", said("two")]], freshId()),
        once: async (_result, after) => {
          const { pendingWrites = [] } = (await saver.getTuple(config)) ?? {};
          const texts = pendingWrites.map(([, , value]) => textOf(value));
          return sameSet(texts, "one", ...(after === "between" ? ["two"] : []));
        },
      })),
    },
  ];
};

/** Items of a namespace that exists already. */
interface NewItems {
  readonly namespace: string[];
  readonly keys: ItemKeys;
  readonly storeOf: (library: Library) => BaseStore;
}

/** `deadlines` is there from the first item on that has a deadline. */
const ofStore = (name: string, newItems: (direct: Library) => Promise<NewItems>): WriteOperation => ({
  name: `${name}.put`,
  kind: "named",
  prepare: async (direct) => {
    const { namespace, keys, storeOf } = await newItems(direct);
    const store = storeOf(direct);
    return {
      trace: () => ({ key: keys.deadlines, exists: 1 }),
      act: (library, { operationId = freshId() }) => storeOf(library).put(namespace, operationId, { text: "one" }),
      between: () => store.put(namespace, freshId(), { text: "two" }),
      once: async (_result, after) => {
        const texts = (await store.search(namespace)).map(({ value }) => String(value["text"]));
        return sameSet(texts, "first", "one", ...(after === "between" ? ["two"] : []));
      },
    };
  },
});

const itemsOfNobody = async ({ client }: Library): Promise<NewItems> => {
  const namespace = [freshId(), "notes"];
  await new RedisStore({ client }).put(namespace, "first", { text: "first" });
  return { namespace, keys: itemKeys("chat", partitionName(namespace)), storeOf: ({ store }) => store };
};

const itemsOfSession = async ({ sessions }: Library): Promise<NewItems> => {
  const userId = freshId();
  const { session } = await sessions.create({ userId, agentId: "support" });
  const namespace = ["my", "notes"];
  await new RedisStore({ sessions, session }).put(namespace, "first", { text: "first" });
  return {
    namespace,
    keys: ownerKeys("chat", ownerTag(userId, undefined)).itemPartition(partitionName(namespace)),
    storeOf: (library) => new RedisStore({ sessions: library.sessions, session, ttl: "1h" }),
  };
};

export const graphOperations: readonly WriteOperation[] = [
  ...ofSavers("RedisSaver", ofNobody),
  ...ofSavers("SessionSaver", ofSession),
  ofStore("RedisStore", itemsOfNobody),
  ofStore("RedisStore of a session", itemsOfSession),
];
