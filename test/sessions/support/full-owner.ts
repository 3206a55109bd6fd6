import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { type CheckpointMetadata, emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { type Answer, type ExportedRecord, type Session, SessionStore } from "langchain-redis-sessions";
import { RedisStore, SessionSaver } from "langchain-redis-sessions/langgraph";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";

/** An owner who has something in every key that an export has to hold. Each text says where it is. */
export interface FullOwner {
  readonly store: SessionStore;
  readonly keys: OwnerKeys;
  readonly owner: { readonly userId: string; readonly orgId: string };
  readonly token: string;
  readonly session: Session;
  /** One whose conversation has a thread and no message. */
  readonly paused: Session;
  /** Runs; its question is kept beside the conversation. */
  readonly answer: Answer;
}

export async function fullOwner(client: Client): Promise<FullOwner> {
  const store = new SessionStore({ client });
  const owner = { userId: freshId(), orgId: "text of the organisation" };
  const keys = ownerKeys("chat", ownerTag(owner.userId, owner.orgId));
  const init = { ...owner, agentId: "agent/with:marks" };
  const { token, session } = await store.create({
    ...init,
    ipAddress: "192.0.2.7",
    userAgent: "text of the user agent",
    metadata: { note: "text of the metadata" },
  });
  const { session: paused } = await store.create(init);
  const history = store.history(session);
  await history.addMessages([new HumanMessage("text of the question"), new AIMessage("text of the answer")]);
  await store.conversations.rename(owner, session.conversationId, "text of the title");
  await store.memory(session).setMany({ "text of the memory's key": { a: ["text of the memory"] } }, { ttl: "1h" });
  await store.memory(session).set("for ever", 1);
  const items = new RedisStore({ sessions: store, session, ttl: "1h" });
  await items.put(["text of the namespace", "below"], "text of the item's key", { a: "text of the item" });
  const [question] = await store.conversations.messages(owner, session.conversationId);
  const answer = await store.answers(session).begin({
    operationId: "text of the operation id",
    input: "text of the question beside",
    replaces: question?.position,
  });
  // Behind the answer, whose beginning removes the thread.
  for (const one of [session, paused]) await putThread(new SessionSaver({ sessions: store }), one);
  return { store, keys, owner, token, session, paused, answer };
}

const metadata = { source: "loop", step: 0, parents: {}, note: "text of the checkpoint's metadata" } as const;

/** Two checkpoints of which the second is built on the first, and what was written to it and to one that is not there. */
async function putThread(saver: SessionSaver, session: Session): Promise<void> {
  let config: Parameters<SessionSaver["put"]>[0] = { configurable: { session } };
  for (const step of [0, 1]) {
    const checkpoint = {
      ...emptyCheckpoint(),
      channel_values: {
        said: [new HumanMessage(`text of the channel ${step}`)],
        bytes: new Uint8Array([0, 255, step]),
      },
      channel_versions: { said: step + 1, bytes: step + 1 },
    };
    const described: CheckpointMetadata = { ...metadata, step };
    const stored = await saver.put(config, checkpoint, described, checkpoint.channel_versions);
    config = { configurable: { session, ...stored.configurable } };
  }
  await saver.putWrites(config, [["said", "text of the write"]], "task\none", "path");
  const missing = { configurable: { session, checkpoint_ns: "", checkpoint_id: "not there" } };
  await saver.putWrites(missing, [["said", "text of the early write"]], "task");
}

export async function recordsOf(records: AsyncIterable<ExportedRecord>): Promise<ExportedRecord[]> {
  const all: ExportedRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

/** The records of one kind. */
export function ofKind<Kind extends ExportedRecord["kind"]>(
  records: readonly ExportedRecord[],
  kind: Kind,
): Extract<ExportedRecord, { kind: Kind }>[] {
  return records.filter((record): record is Extract<ExportedRecord, { kind: Kind }> => record.kind === kind);
}
