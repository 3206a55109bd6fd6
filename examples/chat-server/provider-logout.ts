import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import { type SessionStore, StoreUnavailableError } from "langchain-redis-sessions";
import { type Logout, LOGOUT_TOKEN_SECONDS } from "./oidc.js";
import { ServiceError } from "./problems.js";

// A provider tells the service that a user has signed out there, or was signed out. The user's sessions then end here.

export interface LogoutParts {
  readonly sessions: SessionStore;
  readonly client: Redis;
  readonly keyPrefix: string;
  /** How long a sign-in can be used. */
  readonly lifetimeSeconds: number;
}

export class ProviderLogouts {
  readonly #parts: LogoutParts;

  constructor(parts: LogoutParts) {
    this.#parts = parts;
  }

  /**
   * Ends the sessions that began with the provider's session, or all of the user's if that cannot be told.
   *
   * @throws ServiceError `LOGOUT_TOKEN_INVALID` for a token that was used before.
   */
  async end({ userId, providerSession, tokenId }: Logout): Promise<void> {
    const { sessions, client, lifetimeSeconds } = this.#parts;
    const used = this.#key("logout-token", tokenId);
    const isNew = await asked(client.set(used, "1", "EX", 2 * LOGOUT_TOKEN_SECONDS, "NX"));
    if (isNew === null) throw new ServiceError("LOGOUT_TOKEN_INVALID");
    try {
      const live = await sessions.list({ userId });
      if (providerSession === undefined || live.some(({ metadata }) => metadata["providerSession"] === undefined)) {
        await sessions.endAll({ userId });
        return;
      }
      // First, so that a session which begins meanwhile finds it and ends itself.
      await asked(client.set(this.#key("logged-out", providerSession), "1", "EX", lifetimeSeconds));
      for (const { id, metadata } of await sessions.list({ userId })) {
        if (metadata["providerSession"] === providerSession) await sessions.endById({ userId }, id);
      }
    } catch (error) {
      // The provider may send the same token again.
      await client.del(used).catch(() => {});
      throw error;
    }
  }

  /** Whether the provider's session is over: a sign-in that came of it begins no session any more. */
  async isOver(providerSession: string): Promise<boolean> {
    return (await asked(this.#parts.client.exists(this.#key("logged-out", providerSession)))) === 1;
  }

  /** The name is a digest: the provider's ids are in no key. */
  #key(kind: string, name: string): string {
    return `${this.#parts.keyPrefix}:${kind}:${hash("sha256", name, "base64url").slice(0, 22)}`;
  }
}

async function asked<Reply>(reply: Promise<Reply>): Promise<Reply> {
  try {
    return await reply;
  } catch {
    throw new StoreUnavailableError("Redis does not answer.", { indeterminate: true });
  }
}
