// Writes on one Redis that ran, and whose replies were lost together.
import { once } from "node:events";
import type { Redis } from "ioredis";
import { StoreUnavailableError } from "langchain-redis-sessions";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { freshId } from "../../support/turns.js";
import { HoldableClient } from "./holdable-client.js";
import { libraryOn, type PreparedWrite, readsFirst, type WriteOperation } from "./write-operation.js";

/** So many at once are sent in one segment, and run before the first reply is on its way. */
const BATCH = 64;
export const scripts: readonly string[] = ["EVALSHA", "EVAL"];

/** The client does not resend; `direct` goes round the proxy. */
interface Connections {
  readonly client: Redis;
  readonly proxy: FaultyProxy;
  readonly direct: Redis;
}

interface LostWrite {
  readonly write: PreparedWrite;
  /** "unprotected": as it would be without what the library does to make it harmless. */
  readonly repeat: (how: "protected" | "unprotected") => Promise<unknown>;
}

export function loseReplies(operation: WriteOperation, connections: Connections): Promise<readonly LostWrite[]> {
  return operation.kind === "update" ? loseOfUpdates(operation, connections) : loseOfWrites(operation, connections);
}

async function loseOfWrites(
  operation: WriteOperation,
  { client, proxy, direct }: Connections,
): Promise<readonly LostWrite[]> {
  const { prepare, kind } = operation;
  const library = libraryOn(client);
  const batch = await preparedOn(direct, prepare);
  await ready(client);
  const together = meetingOf(readsFirst(operation) ? batch.length : 1, () => {
    proxy.dropReplies({ command: scripts });
    client.stream.cork();
  });
  if (!readsFirst(operation)) await together.join();
  const sent = batch.map(async ({ write, operationId }) => {
    const acting = write.act(library, { operationId }, readsFirst(operation) ? together.join : undefined);
    const error: unknown = await acting.catch((reason: unknown) => reason);
    const told = error instanceof StoreUnavailableError && error.indeterminate;
    const hasNone = kind === "erasure" || kind === "named";
    if (!told || error.operationId !== (hasNone ? undefined : operationId)) {
      throw new Error("Its caller was not told.", { cause: error });
    }
  });
  await together.over;
  // All that is in front of the sending is one chain of promises.
  await new Promise(setImmediate);
  client.stream.uncork();
  await Promise.all(sent);
  await ready(client);
  const ran = await whichRan(direct, batch);
  return batch
    .filter((_, index) => ran[index])
    .map(({ write, operationId }) => ({
      write,
      repeat: async (how) => {
        if (how === "protected") return write.act(library, { operationId });
        // What is safe to repeat has no other protection than that it is repeated.
        return kind === "erasure" ? undefined : write.act(library, {});
      },
    }));
}

/** They repeat by themselves: that repetition is held back until `repeat`. */
async function loseOfUpdates(
  { prepare }: WriteOperation,
  { client, proxy, direct }: Connections,
): Promise<readonly LostWrite[]> {
  const holdable = new HoldableClient(client);
  const library = libraryOn(holdable);
  const batch = await preparedOn(direct, prepare);
  await ready(client);
  const allHaveRead = meetingOf(batch.length, () => {
    proxy.dropReplies({ command: scripts });
    client.stream.cork();
  });
  const updates = batch.map(({ write, operationId }) => ({
    write,
    key: write.trace(operationId).key,
    result: write.act(library, { operationId }, allHaveRead.join).catch((error: unknown) => error),
  }));
  await allHaveRead.over;
  // All that follows the reading, up to the sending, is one chain of promises.
  await new Promise(setImmediate);
  for (const { key } of updates) holdable.hold(key);
  const closed = once(client, "close");
  client.stream.uncork();
  await closed;
  await ready(client);
  const ran = await whichRan(direct, batch);
  const others = updates.filter((_, index) => !ran[index]);
  for (const { key } of others) holdable.release(key);
  await Promise.all(others.map(({ result }) => result));
  return updates
    .filter((_, index) => ran[index])
    .map(({ write, key, result }) => ({
      write,
      repeat: (how) => {
        holdable.release(key, how === "protected" ? key : `${key}-another`);
        return result;
      },
    }));
}

/** Where so many wait for each other; the last to join does what is to be done before they part. */
export function meetingOf(
  count: number,
  action: () => unknown,
): { readonly join: () => Promise<void>; readonly over: Promise<void> } {
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  let joined = 0;
  const join = async (): Promise<void> => {
    joined += 1;
    if (joined === count) {
      await action();
      end();
    }
    return over;
  };
  return { join, over };
}

interface Prepared {
  readonly write: PreparedWrite;
  readonly operationId: string;
}

function preparedOn(direct: Redis, prepare: WriteOperation["prepare"]): Promise<readonly Prepared[]> {
  const library = libraryOn(direct);
  const one = async (): Promise<Prepared> => ({ write: await prepare(library), operationId: freshId() });
  return Promise.all(Array.from({ length: BATCH }, one));
}

async function whichRan(direct: Redis, batch: readonly Prepared[]): Promise<readonly boolean[]> {
  return Promise.all(
    batch.map(async ({ write, operationId }) => {
      const { key, exists } = write.trace(operationId);
      return (await direct.exists(key)) === exists;
    }),
  );
}

async function ready(client: Redis): Promise<void> {
  while ((await client.ping().catch(() => "away")) !== "PONG") await new Promise(setImmediate);
}
