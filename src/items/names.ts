import { InvalidOptionError } from "../errors.js";
import { idSchema, validate } from "../options/validation.js";
import { partitionName } from "../redis/keys.js";

// A label is not empty and contains no "\0". So "\0" between labels, and twice in front of the key, makes a text that
// is unique to the namespace and key, and that begins as the namespace begins.
const SEPARATOR = "\0";

const MAX_NAMESPACE_BYTES = 1_024;

/** The name of an item. */
export interface ItemName {
  readonly namespace: readonly string[];
  readonly key: string;
}

/**
 * Makes the checks that LangGraph does not make. Labels become part of key names, and an item is found by the bytes of
 * its name.
 *
 * @throws InvalidOptionError when a label is not a well-formed string of at most 1 KiB, or the namespace is longer than
 * that.
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

/** @throws InvalidOptionError when the key is not a well-formed string of at most 1 KiB. */
export function parseItemKey(key: string): string {
  return key === "" ? key : validate(idSchema(), "key", key);
}

/** Returns the stored form of an item's name. */
export function fieldOf({ namespace, key }: ItemName): string {
  return namespace.join(SEPARATOR) + SEPARATOR + SEPARATOR + key;
}

export function nameOf(field: string): ItemName {
  const end = field.indexOf(SEPARATOR + SEPARATOR);
  return { namespace: labelsOf(field.slice(0, end)), key: field.slice(end + 2) };
}

/** Returns the labels of the stored form of a namespace. */
export function labelsOf(namespace: string): string[] {
  return namespace.split(SEPARATOR);
}

/** Returns the text with which the stored name of every item begins whose namespace begins with these labels. */
export function beginningOf(labels: readonly string[]): string {
  return labels.map((label) => label + SEPARATOR).join("");
}

/** Returns the name of the partition of a namespace. */
export function partitionOf(namespace: readonly string[], partition: number): string {
  return partitionName(namespace.slice(0, partition));
}
