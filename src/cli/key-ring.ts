import { readFile } from "node:fs/promises";
import * as z from "../options/schema.js";
import { type Keyring, keyring, type KeyringOptions } from "../encryption/keyring.js";
import { redisDataKeys } from "../encryption/redis-data-keys.js";
import { InvalidOptionError } from "../errors.js";
import { faultOfUrl } from "../redis/url.js";
import type { Call } from "./command.js";
import { UsageError } from "./errors.js";
import { openRedis } from "./redis.js";
import { once } from "../options/once.js";

/** The environment variable with the path of the key ring's file. */
export const KEY_RING = "LANGCHAIN_REDIS_SESSIONS_KEYRING";

/** The part of the file that `keyring()` does not take: the Redis of the data keys, if they are kept elsewhere. */
const fileSchema = once(() =>
  z.looseObject({
    dataKeys: z.optional(z.strictObject({ url: z.string(), keyPrefix: z.optional(z.string()) })),
  }),
);

export interface OpenKeyRing extends AsyncDisposable {
  readonly ring: Keyring | undefined;
}

/**
 * Reads the key ring that the environment names.
 *
 * @throws UsageError when the file cannot be read or does not hold a key ring. The message quotes nothing of the file.
 */
export async function openKeyRing(environment: NodeJS.ProcessEnv): Promise<OpenKeyRing> {
  const path = environment[KEY_RING];
  if (path === undefined || path === "") return { ring: undefined, [Symbol.asyncDispose]: async () => {} };
  const file = z.safeParse(fileSchema(), await jsonOf(path));
  if (!file.success) {
    throw new UsageError(`${KEY_RING}: the file must hold { "current": "…", "keys": { "…": "…" } }.`);
  }
  const { dataKeys, ...options } = file.data;
  // Validate the options before opening a connection, because nobody would close it after an error.
  const alone = ringOf(options as unknown as KeyringOptions);
  if (dataKeys === undefined) return { ring: alone, [Symbol.asyncDispose]: async () => {} };
  if (faultOfUrl(dataKeys.url) !== undefined) {
    throw new UsageError(`${KEY_RING}: the url of dataKeys must look like "redis://host:6379".`);
  }
  const elsewhere = await openRedis(new URL(dataKeys.url));
  try {
    const kept = redisDataKeys({ client: elsewhere.client, keyPrefix: dataKeys.keyPrefix });
    return {
      ring: keyring({ ...(options as unknown as KeyringOptions), dataKeys: kept }),
      [Symbol.asyncDispose]: () => elsewhere[Symbol.asyncDispose](),
    };
  } catch (error) {
    await elsewhere[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes the ring. The message of an error names no id in `keys`, because somebody may have swapped ids and keys. */
function ringOf(options: KeyringOptions): Keyring {
  try {
    return keyring(options);
  } catch (error) {
    if (!(error instanceof InvalidOptionError) || !error.option.startsWith("keys.")) throw error;
    throw new UsageError(
      `${KEY_RING}: "keys" must hold 32 random bytes in base64 for each id, and an id has 1 to 64 letters, digits, and . _ -`,
    );
  }
}

/**
 * Returns the key ring, for a command that needs one.
 *
 * @throws UsageError when the environment names none.
 */
export function keyRingOf({ keyRing }: Pick<Call, "keyRing">): Keyring {
  if (keyRing === undefined) throw new UsageError(`Set ${KEY_RING} to the path of the file with the key ring.`);
  return keyRing;
}

async function jsonOf(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw new UsageError(`${KEY_RING}: ${path} cannot be read (${code}).`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Leave out the error of JSON.parse, because it quotes the text, which holds keys.
    throw new UsageError(`${KEY_RING}: ${path} does not hold JSON.`);
  }
}
