import type { RedisPort } from "../redis/port.js";

/** The bound for each client. A program that serves more conversations at once reads some of them with two commands. */
const MAX_LISTS = 10_000;

/** The keys of the lists in which this process found or wrote messages, for each client. */
const filled = new WeakMap<RedisPort, Set<string>>();

/** Returns true if this process found or wrote messages in the list. They may be gone since. */
export function wasFilled(client: RedisPort, list: string): boolean {
  return filled.get(client)?.has(list) ?? false;
}

/** Remembers that the list holds messages. Beyond the bound, the list that was remembered first is forgotten. */
export function rememberFilled(client: RedisPort, list: string): void {
  const lists = filled.get(client) ?? new Set();
  if (lists.has(list)) return;
  lists.add(list);
  filled.set(client, lists);
  if (lists.size > MAX_LISTS) lists.delete(lists.keys().next().value as string);
}

/** Forgets the list, so that the next read asks for the mark of the latest clear. */
export function forgetFilled(client: RedisPort, list: string): void {
  filled.get(client)?.delete(list);
}
