import { forgetDestroyed, keptElsewhere, type StoredForm } from "../encryption/vault.js";
import { answerChannels, endingsChannel, type OwnerKeys } from "../redis/keys.js";
import { type OwnedThing, ownedThings } from "../redis/owned.js";
import { eraseKeysOf, eraseScript } from "../redis/scripts/owner/erase.js";
import { run } from "../redis/send.js";
import type { SessionSettings } from "./options.js";
import { connectionOfOwner } from "./owner-keys.js";

/**
 * Erases everything that an owner has, in bounded steps, and returns the number of removed things of each kind. The first
 * step ends all sessions and destroys the data key, so that no sealed data can be read even if a later step fails.
 *
 * @param script the script that erases these things.
 */
export async function eraseOwner(
  settings: Pick<SessionSettings, "keyPrefix" | "maxTokenMilliseconds" | "client" | "deadlineMilliseconds" | "wait"> &
    StoredForm,
  ownerKeys: OwnerKeys,
  things: readonly OwnedThing[] = ownedThings,
  script: typeof eraseScript = eraseScript,
): Promise<Readonly<Record<string, number>>> {
  const { base, notBefore, dataKey } = ownerKeys;
  const connection = connectionOfOwner(settings, ownerKeys);
  const keys = { ...eraseKeysOf(things, base), notBefore, ownKey: dataKey };
  const channel = endingsChannel(settings.keyPrefix);
  const elsewhere = await keptElsewhere(connection);
  const sums = things.map(() => 0);
  for (let first = true; ; first = false) {
    const { removed, left, destroyed } = await run(connection, script, {
      keys,
      arguments: {
        channel,
        answerChannels: answerChannels(base),
        elsewhere,
        first,
        remembered: settings.maxTokenMilliseconds,
      },
    });
    if (destroyed !== "") await forgetDestroyed(connection, destroyed);
    for (const [position, count] of removed.entries()) sums[position] = (sums[position] ?? 0) + count;
    if (left === 0) return Object.fromEntries(things.map(({ name }, position) => [name, sums[position] ?? 0]));
  }
}
