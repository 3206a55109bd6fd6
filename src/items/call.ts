import { Budget } from "../redis/budget.js";
import type { ItemKeys } from "../redis/keys.js";
import type { Connection } from "../redis/send.js";
import type { ItemSettings } from "./options.js";
import type { ItemPlace } from "./place.js";

interface HolderKeys {
  readonly record: string | undefined;
  readonly sessions: string | undefined;
  readonly partitions: string | undefined;
}

/** One batch of a store. All its commands share one deadline. */
export class ItemCall {
  readonly place: ItemPlace;
  readonly #budget: Budget;

  constructor(place: ItemPlace) {
    this.place = place;
    this.#budget = new Budget(place.connection);
  }

  get settings(): ItemSettings {
    return this.place.settings;
  }

  /** Returns the connection. Its deadline is the time that is left. */
  connection(): Connection {
    return this.#budget.connection();
  }

  /** Returns the connection for the items of a partition. */
  connectionTo(partition: string): Connection {
    const connection = this.connection();
    return this.place.connectionTo?.(connection, partition) ?? connection;
  }

  /** Returns the keys of a partition's script, without the key of the operation. */
  keysOf(partition: string): Omit<ItemKeys, "operation"> & HolderKeys {
    const { items, order, namespaces, deadlines } = this.place.keysOf(partition);
    return { items, order, namespaces, deadlines, ...this.#holderKeys() };
  }

  /** Returns the arguments that name the session on whose behalf a partition is used. */
  holderOf(partition: string): { sessionId: string; member: string } {
    const { listed } = this.place;
    return listed.by === "owner"
      ? { sessionId: listed.holder.sessionId, member: partition }
      : { sessionId: "", member: "" };
  }

  #holderKeys(): HolderKeys {
    const { listed } = this.place;
    if (listed.by === "list") return { record: undefined, sessions: undefined, partitions: undefined };
    const { record, sessions, partitions } = listed.holder;
    return { record, sessions, partitions };
  }
}

/** The number of partitions that are read or written at the same time. */
const AT_ONCE = 16;

/** Runs `act` for each input, some at a time. Returns the results in the order of the inputs. */
export async function forEach<Input, Output>(
  inputs: readonly Input[],
  act: (input: Input) => Promise<Output>,
): Promise<Output[]> {
  const outputs: Output[] = [];
  for (let from = 0; from < inputs.length; from += AT_ONCE) {
    outputs.push(...(await Promise.all(inputs.slice(from, from + AT_ONCE).map(act))));
  }
  return outputs;
}
