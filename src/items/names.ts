import { InvalidOptionError } from "../errors.js";
import { idSchema, validate } from "../options/validation.js";
import { partitionName } from "../redis/keys.js";

// A label is not empty and has no "\0", so "\0" between labels, and twice before the key, makes one text of a namespace and
// a key, and of no two the same. What a namespace begins with, the text begins with.
const SEPARATOR = "\0";

const MAX_NAMESPACE_BYTES = 1_024;

/** What names an item. */
export interface ItemName {
  readonly namespace: readonly string[];
  readonly key: string;
}

/**
 * Checks what LangGraph does not: labels become part of key names, and an item is found by the bytes of its name.
 *
 * @throws InvalidOptionError for a label that is no well-formed string of up to 1 KiB, and for a longer namespace.
 */
export function parseLabels(namespace: readonly string[]): readonly string[] {
  const labels = namespace.map((label) => validate(idSchema(), "namespace", label));
  if (labels.some((label) => label.includes(SEPARATOR))) {
    throw new InvalidOptionError("namespace", "use labels without NUL characters.");
  }
  if (Buffer.byteLength(labels.join(SEPARATOR)) > MAX_NAMESPACE_BYTES) {
    throw new InvalidOptionError("namespace", "use at most 1 KiB of UTF-8 for all labels together.");
  }
  return labels;
}

/** @throws InvalidOptionError for a key that is no well-formed string of up to 1 KiB. */
export function parseItemKey(key: string): string {
  return key === "" ? key : validate(idSchema(), "key", key);
}

/** Returns the name of an item as it is stored. */
export function fieldOf({ namespace, key }: ItemName): string {
  return namespace.join(SEPARATOR) + SEPARATOR + SEPARATOR + key;
}

export function nameOf(field: string): ItemName {
  const end = field.indexOf(SEPARATOR + SEPARATOR);
  return { namespace: labelsOf(field.slice(0, end)), key: field.slice(end + 2) };
}

/** Returns the labels of a namespace as it is stored. */
export function labelsOf(namespace: string): string[] {
  return namespace.split(SEPARATOR);
}

/** Returns what the stored name of every item begins with whose namespace begins with these labels. */
export function beginningOf(labels: readonly string[]): string {
  return labels.map((label) => label + SEPARATOR).join("");
}

/** Returns the name of the partition of a namespace. */
export function partitionOf(namespace: readonly string[], partition: number): string {
  return partitionName(namespace.slice(0, partition));
}
