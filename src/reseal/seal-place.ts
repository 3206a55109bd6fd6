import type { Value } from "../redis/port.js";
import { list, storedList, text } from "../redis/replies.js";
import { markSealedScript } from "../redis/scripts/reseal/mark-sealed.js";
import { sealValuesScript } from "../redis/scripts/reseal/seal-values.js";
import type { Stored } from "../redis/sealing.js";
import { type Connection, read, run } from "../redis/send.js";
import { Lineage } from "../sessions/lineage.js";
import type { Place } from "./places.js";
import type { Sealing } from "./sealable.js";

/** The number of values that one script looks at. */
const STEP = 50;
/** How often a key is read again if other processes keep writing plain text to it. */
const MAX_PASSES = 4;

/** The numbers of values that were sealed and skipped. */
export interface Sealed {
  /** The number of values that were sealed. */
  readonly sealed: number;
  /** The number of values that changed at each try, or cannot be read. */
  readonly skipped: number;
}

/** Seals the plain values of a key. Marks a list of messages in which all are sealed. */
export async function sealPlace(connection: Connection, place: Place): Promise<Sealed> {
  if (place.type === "list" && (await isMarked(connection, place))) return { sealed: 0, skipped: 0 };
  const lineage = new Lineage();
  let sealed = 0;
  for (let passes = 1; ; passes++) {
    const pass = await passOver(connection, place, lineage);
    sealed += pass.sealed;
    if (pass.plain === 0) {
      if (pass.unreadable === 0) await mark(connection, place, pass);
      return { sealed, skipped: pass.unreadable };
    }
    if (passes === MAX_PASSES) return { sealed, skipped: pass.plain - pass.sealed + pass.unreadable };
  }
}

/** The result of one pass over a key. */
interface Pass {
  plain: number;
  sealed: number;
  unreadable: number;
  /** The length, and the first and last entry, of a list. */
  length: number;
  first: Stored | undefined;
  last: Stored | undefined;
}

interface PlainValue {
  readonly at: string;
  readonly held: Stored;
  readonly sealing: Sealing;
}

async function passOver(connection: Connection, place: Place, lineage: Lineage): Promise<Pass> {
  const pass: Pass = { plain: 0, sealed: 0, unreadable: 0, length: 0, first: undefined, last: undefined };
  for await (const batch of place.type === "list"
    ? entriesOf(connection, place.key)
    : fieldsOf(connection, place.key)) {
    const plain = batch.flatMap(([at, held]): PlainValue[] => {
      const looked = place.look(held, at);
      if (looked === "unreadable") pass.unreadable++;
      return typeof looked === "string" ? [] : [{ at, held, sealing: looked }];
    });
    pass.length += batch.length;
    pass.first ??= batch[0]?.[1];
    pass.last = batch.at(-1)?.[1] ?? pass.last;
    pass.plain += plain.length;
    if (plain.length > 0) pass.sealed += await seal(connection, place, lineage, plain);
  }
  return pass;
}

type Batch = readonly (readonly [at: string, held: Stored])[];

async function* entriesOf(connection: Connection, key: string): AsyncGenerator<Batch> {
  for (let from = 0; ; from += STEP) {
    const entries = await read(
      connection,
      "reseal.entries",
      [["lrange", key, String(from), String(from + STEP - 1)]],
      storedList,
    );
    if (entries.length > 0) yield entries.map((entry, offset) => [String(from + offset), entry] as const);
    if (entries.length < STEP) return;
  }
}

async function* fieldsOf(connection: Connection, key: string): AsyncGenerator<Batch> {
  let cursor = "0";
  do {
    const step = await read(connection, "reseal.fields", [["hscan", key, cursor, "COUNT", String(STEP)]], (reply) => {
      const [next, found] = list(reply);
      return { next: text(next), found: storedList(found) };
    });
    cursor = step.next;
    // HSCAN returns a small hash whole, whatever COUNT says.
    for (let from = 0; from < step.found.length; from += 2 * STEP) {
      const part = step.found.slice(from, from + 2 * STEP);
      yield part.flatMap((held, index) => (index % 2 === 0 ? [] : [[text(part[index - 1]), held] as const]));
    }
  } while (cursor !== "0");
}

/** Seals values. Returns the number of values that had not changed meanwhile and are sealed now. */
async function seal(
  connection: Connection,
  place: Place,
  lineage: Lineage,
  values: readonly PlainValue[],
): Promise<number> {
  const { key, record, hasLineage } = place;
  const reply = await lineage.settle(() =>
    run(connection, sealValuesScript, {
      keys: { place: key, record },
      arguments: (sealer) => {
        const sealed: Value[] = [];
        const beside: Stored[] = [];
        for (const { sealing } of sealer === undefined ? [] : values) {
          const one = sealing(sealer as NonNullable<typeof sealer>, hasLineage ? lineage.id : "");
          sealed.push(one.sealed);
          beside.push(...(one.beside ?? []));
        }
        return {
          lineage: hasLineage ? lineage.argumentFor(sealer) : "",
          at: values.map(({ at }) => at),
          held: values.map(({ held }) => held),
          sealed,
          beside,
        };
      },
    }),
  );
  return reply.outcome === "sealed" ? reply.number : 0;
}

async function isMarked(connection: Connection, { record = "" }: Place): Promise<boolean> {
  return read(connection, "reseal.mark", [["hexists", record, "sealed"]], (found) => Number(found) > 0);
}

async function mark(connection: Connection, { key, type, record, hasLineage }: Place, pass: Pass): Promise<void> {
  const { length, first, last } = pass;
  if (type !== "list" || record === undefined || first === undefined || last === undefined) return;
  await run(connection, markSealedScript, {
    keys: { messages: key, record },
    arguments: { isConversation: hasLineage, length, first, last },
  });
}
