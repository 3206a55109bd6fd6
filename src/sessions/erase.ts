import { answerChannels, endingsChannel, type OwnerKeys } from "../redis/keys.js";
import { type OwnedThing, ownedThings } from "../redis/owned.js";
import { eraseKeysOf, eraseScript } from "../redis/scripts/owner/erase.js";
import { run } from "../redis/send.js";
import type { SessionSettings } from "./options.js";

/**
 * Erases all that an owner has, in bounded steps, and returns how many of each thing were removed.
 *
 * @param script the script that was made for these things.
 */
export async function eraseOwner(
  settings: Pick<SessionSettings, "keyPrefix" | "maxTokenMilliseconds" | "client" | "deadlineMilliseconds" | "wait">,
  { base, notBefore }: Pick<OwnerKeys, "base" | "notBefore">,
  things: readonly OwnedThing[] = ownedThings,
  script: typeof eraseScript = eraseScript,
): Promise<Readonly<Record<string, number>>> {
  const keys = { ...eraseKeysOf(things, base), notBefore };
  const channel = endingsChannel(settings.keyPrefix);
  const sums = things.map(() => 0);
  for (let first = true; ; first = false) {
    const { removed, left } = await run(settings, script, {
      keys,
      arguments: { channel, answerChannels: answerChannels(base), first, remembered: settings.maxTokenMilliseconds },
    });
    for (const [position, count] of removed.entries()) sums[position] = (sums[position] ?? 0) + count;
    if (left === 0) return Object.fromEntries(things.map(({ name }, position) => [name, sums[position] ?? 0]));
  }
}
