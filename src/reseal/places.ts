import { decoded, type FoundKey } from "../redis/found-keys.js";
import { historyKeys, itemKeys, memoryKeys, ownerKeys } from "../redis/keys.js";
import { type Look, lookAtItem, lookAtMemory, lookAtMessage, lookAtSession, lookAtTitle } from "./sealable.js";

/** A key that holds values to seal. */
export interface Place {
  readonly key: string;
  readonly type: "list" | "hash";
  readonly look: Look;
  /** Whether its values may be compressed. */
  readonly compresses: boolean;
  /** The hash that holds the lineage of the sealed values, and the mark that all messages are sealed. */
  readonly record?: string;
  /** Whether values are sealed for the lineage in that record. */
  readonly hasLineage: boolean;
}

/** Returns the place of a key that holds values to seal; `undefined` for any other key. */
export function placeOf(prefix: string, { holder: { kind, name }, parts }: FoundKey): Place | undefined {
  const [first = "", ...more] = parts;
  if (kind === "user") return placeOfUser(prefix, name, first, more);
  if (more.length > 0) return undefined;
  if (kind === "history" && first === "messages") {
    const { messages: key, meta: record } = historyKeys(prefix, name);
    return { key, type: "list", look: lookAtMessage, compresses: true, record, hasLineage: false };
  }
  if (kind === "memory" && first === "values") return memory(memoryKeys(prefix, name).values, name);
  if (kind === "items" && first === "items") return items(itemKeys(prefix, name).items);
  return undefined;
}

function placeOfUser(prefix: string, tag: string, thing: string, more: readonly string[]): Place | undefined {
  const keys = ownerKeys(prefix, tag);
  const [spelled = "", below] = more;
  const id = decoded(spelled);
  if (id === undefined || id === "" || more.length > 2) return undefined;
  if (thing === "memory" && below === "values") return memory(keys.memory(id).values, id);
  if (thing === "items" && below === "items") return items(keys.itemPartition(spelled).items);
  if (below !== undefined) return undefined;
  const record = keys.conversation(id);
  switch (thing) {
    case "messages":
      return { key: keys.messages(id), type: "list", look: lookAtMessage, compresses: true, record, hasLineage: true };
    case "conversation":
      return { key: record, type: "hash", look: lookAtTitle, compresses: true, record, hasLineage: true };
    case "session":
      return { key: keys.session(id), type: "hash", look: lookAtSession(id), compresses: true, hasLineage: false };
    default:
      return undefined;
  }
}

function memory(key: string, name: string): Place {
  return { key, type: "hash", look: lookAtMemory(name), compresses: false, hasLineage: false };
}

function items(key: string): Place {
  return { key, type: "hash", look: lookAtItem, compresses: true, hasLineage: false };
}
