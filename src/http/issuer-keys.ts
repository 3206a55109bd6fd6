import type { FetchImplementation, JWTVerifyGetKey } from "jose";
import { AuthenticationUnavailableError, isRefusal } from "./identity.js";

type Jose = typeof import("jose");

/**
 * For so long after a fetch that failed there is no other: during an outage each request would make one, without being
 * authenticated. Short, because it is also how long it takes until users are let in again.
 */
const FAILURE_COOLDOWN_MILLISECONDS = 1_000;

/**
 * The public keys of an issuer, at an address. They are fetched when they are needed: the first time, after 10 minutes,
 * and for a key id that is not among them, which happens at most every 30 seconds.
 *
 * @returns a function that throws AuthenticationUnavailableError when there are no keys to check a token with.
 */
export function issuerKeys(jose: Jose, url: URL): JWTVerifyGetKey {
  const fetched = jose.createRemoteJWKSet(url, { [jose.customFetch]: seldomWhenItFails(fetchKeys) });
  return async (header, token) => {
    try {
      return await fetched(header, token);
    } catch (error) {
      if (isRefusal(error)) throw error;
      throw new AuthenticationUnavailableError("The keys of the issuer could not be fetched.", { cause: error });
    }
  };
}

/** Fails, too, where there is an answer without a key: by that no token could be told from a forged one. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  if (response.status !== 200) throw new Error(`The issuer answered ${response.status}.`);
  const set = (await response.json()) as { keys?: unknown } | null;
  if (!Array.isArray(set?.keys) || !set.keys.some(canVerify))
    throw new Error("The issuer's answer holds no public key.");
  return Response.json(set);
};

function canVerify(key: { kty?: unknown; use?: unknown } | null): boolean {
  return typeof key?.kty === "string" && key.kty !== "oct" && (key.use ?? "sig") === "sig";
}

function seldomWhenItFails(fetchOnce: FetchImplementation): FetchImplementation {
  let failed: { readonly at: number; readonly error: unknown } | undefined;
  return async (url, options) => {
    if (failed !== undefined && performance.now() - failed.at < FAILURE_COOLDOWN_MILLISECONDS) throw failed.error;
    try {
      const response = await fetchOnce(url, options);
      failed = undefined;
      return response;
    } catch (error) {
      failed = { at: performance.now(), error };
      throw error;
    }
  };
}
