import type { RedisPort } from "../redis/port.js";

/** Per client. A program that serves more conversations at once reads some of them with two commands. */
const MAX_LISTS = 10_000;

/** The keys of lists that this process found messages in, for each client. */
const filled = new WeakMap<RedisPort, Set<string>>();

/** Returns true when this process found messages in the list lately. They may be gone since. */
export function wasFilled(client: RedisPort, list: string): boolean {
  return filled.get(client)?.has(list) ?? false;
}

/** Remembers whether the list holds messages. Beyond the bound, the list that was remembered first is forgotten. */
export function rememberFilled(client: RedisPort, list: string, isFilled: boolean): void {
  const lists = filled.get(client) ?? new Set();
  if (!isFilled) {
    lists.delete(list);
  } else if (!lists.has(list)) {
    lists.add(list);
    filled.set(client, lists);
    if (lists.size > MAX_LISTS) lists.delete(lists.keys().next().value as string);
  }
}
