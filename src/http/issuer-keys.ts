import type { FetchImplementation, JWTVerifyGetKey } from "jose";
import { AuthenticationUnavailableError, isRefusal } from "./identity.js";

type Jose = typeof import("jose");

/**
 * The time after a failed fetch in which no other fetch is made. Without it, every request would cause a fetch during
 * an outage, even a request with a forged token. The time is short, because users are refused until the next fetch.
 */
const FAILURE_COOLDOWN_MILLISECONDS = 1_000;

/**
 * Returns a function that finds the public key for a token. The function fetches the issuer's keys from `url` on first
 * use, when they are 10 minutes old, and for an unknown key id at most every 30 seconds. It throws
 * AuthenticationUnavailableError if the keys cannot be fetched.
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

/**
 * Fetches the issuer's keys. Throws if the answer contains no public key: such an answer cannot distinguish a valid
 * token from a forged one, so it must not become a 401.
 */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  if (response.status !== 200) throw new Error(`The issuer answered ${response.status}.`);
  const set = (await response.json()) as { keys?: unknown } | null;
  if (!Array.isArray(set?.keys) || !set.keys.some(canVerify))
    throw new Error("The issuer's answer contains no public key.");
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
