import { createRemoteJWKSet, jwtVerify } from "jose";
import { AuthenticationUnavailableError } from "langchain-redis-sessions/http";
import * as openId from "openid-client";
import { z } from "zod";
import type { Config } from "./config.js";
import type { User } from "./identity.js";
import { ServiceError } from "./problems.js";

// Signs users in with an OpenID Connect provider: authorization code flow with PKCE, state and nonce. What comes of it is
// a sign-in of this service, as for the users of the demo.

export interface OpenIdSettings {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The address of this service, as browsers know it. */
  readonly publicUrl: URL;
  /** A user who proved who they are longer ago has to do it again. */
  readonly maxAgeSeconds: number;
}

/** What the browser keeps while the user is at the provider. It is good for one answer of the provider's. */
export type SignInRequest = z.output<typeof requestSchema>;
const requestSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Where the page goes on. */
  to: z.string(),
  /** The user who is to prove again who they are. */
  again: z.string().optional(),
});

export interface ProvedUser {
  readonly user: User;
  readonly at: Date;
  readonly providerSession: string | undefined;
}

export interface Logout {
  readonly userId: string;
  readonly providerSession: string | undefined;
  /** Each logout token has an id of its own. */
  readonly tokenId: string;
}

const backChannelLogout = "http://schemas.openid.net/event/backchannel-logout";
const logoutClaims = z.object({
  sub: z.string().min(1),
  sid: z.string().min(1).optional(),
  jti: z.string().min(1),
  events: z.object({ [backChannelLogout]: z.record(z.string(), z.unknown()) }),
  // An ID token, which other parties get to see, must not pass for a logout token.
  nonce: z.undefined().optional(),
});

/** A token that was on its way for longer is not taken any more. */
export const LOGOUT_TOKEN_SECONDS = 300;
// oxfmt-ignore
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];

export class OpenIdProvider {
  readonly #settings: OpenIdSettings;
  #discovery: Promise<Discovered> | undefined;

  constructor(settings: OpenIdSettings) {
    this.#settings = settings;
  }

  /** Returns where to send the browser, and what it has to bring back. */
  async begin({ to, again }: Pick<SignInRequest, "to" | "again">): Promise<{ address: URL; request: SignInRequest }> {
    const { configuration } = await this.#discovered();
    const request = {
      state: openId.randomState(),
      nonce: openId.randomNonce(),
      verifier: openId.randomPKCECodeVerifier(),
      to,
      ...(again === undefined ? {} : { again }),
    };
    const address = openId.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback.href,
      scope: "openid profile",
      state: request.state,
      nonce: request.nonce,
      code_challenge: await openId.calculatePKCECodeChallenge(request.verifier),
      code_challenge_method: "S256",
      // With it, the provider has to say when the user signed in.
      max_age: String(this.#settings.maxAgeSeconds),
      ...(again === undefined ? {} : { prompt: "login" }),
    });
    return { address, request };
  }

  /**
   * Returns the user whom the provider's answer proves.
   *
   * @param search the query string of the provider's answer
   * @throws an error of openid-client when the answer is not the one to `request`, or the provider refuses it.
   */
  async finish(search: string, request: SignInRequest): Promise<ProvedUser> {
    const { configuration } = await this.#discovered();
    const current = new URL(search, this.#callback);
    const tokens = await openId.authorizationCodeGrant(configuration, current, {
      expectedState: request.state,
      expectedNonce: request.nonce,
      pkceCodeVerifier: request.verifier,
      maxAge: this.#settings.maxAgeSeconds,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims?.auth_time === undefined) throw new Error("The ID token has no auth_time.");
    const { sub } = claims;
    const { name = sub } =
      typeof claims["name"] === "string"
        ? { name: claims["name"] }
        : await openId.fetchUserInfo(configuration, tokens.access_token, sub);
    return {
      user: { id: sub, name },
      at: new Date(claims.auth_time * 1_000),
      providerSession: typeof claims["sid"] === "string" ? claims["sid"] : undefined,
    };
  }

  /**
   * Returns whose sessions a logout token asks to end (OpenID Connect Back-Channel Logout 1.0, 2.6).
   *
   * @throws ServiceError `LOGOUT_TOKEN_INVALID`; AuthenticationUnavailableError while the provider's keys cannot be had.
   */
  async logout(token: string): Promise<Logout> {
    const { issuer, keys } = await this.#discovered();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: this.#settings.clientId,
        algorithms,
        maxTokenAge: LOGOUT_TOKEN_SECONDS,
      });
      const { sub, sid, jti } = logoutClaims.parse(payload);
      return { userId: sub, providerSession: sid, tokenId: jti };
    } catch (error) {
      if (isUnavailable(error)) throw unavailable(error);
      throw new ServiceError("LOGOUT_TOKEN_INVALID", { cause: error });
    }
  }

  get #callback(): URL {
    return new URL("/sign-in/callback", this.#settings.publicUrl);
  }

  /** The provider is asked for its addresses once; again, if that failed. */
  #discovered(): Promise<Discovered> {
    this.#discovery ??= discover(this.#settings).catch((error: unknown) => {
      this.#discovery = undefined;
      throw unavailable(error);
    });
    return this.#discovery;
  }
}

/** @returns `undefined` if the settings name none */
export function openIdProvider(config: Config): OpenIdProvider | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, PUBLIC_URL } = config;
  if (!issuer || !clientId || !clientSecret || !PUBLIC_URL) return undefined;
  return new OpenIdProvider({ issuer, clientId, clientSecret, publicUrl: PUBLIC_URL, maxAgeSeconds: config.LIFETIME });
}

interface Discovered {
  readonly configuration: openId.Configuration;
  readonly issuer: string;
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
}

async function discover({ issuer, clientId, clientSecret }: OpenIdSettings): Promise<Discovered> {
  const authentication = openId.ClientSecretBasic(clientSecret);
  // config.ts lets http pass for a provider on this machine only.
  const execute = issuer.protocol === "http:" ? [openId.allowInsecureRequests] : []; // oxlint-disable-line typescript/no-deprecated -- marked to stand out
  const configuration = await openId.discovery(issuer, clientId, undefined, authentication, { execute });
  const { issuer: name, jwks_uri: keys } = configuration.serverMetadata();
  if (keys === undefined) throw new Error("The provider publishes no keys.");
  return { configuration, issuer: name, keys: createRemoteJWKSet(new URL(keys)) };
}

/** Anything but a verdict on the token: the keys could not be fetched. */
function isUnavailable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof TypeError || code === "ERR_JWKS_TIMEOUT" || code === "ERR_JOSE_GENERIC";
}

function unavailable(cause: unknown): AuthenticationUnavailableError {
  return new AuthenticationUnavailableError("The identity provider cannot be asked.", { cause });
}

/** For a cookie. It needs no signature: no other host can set the cookie, and its own browser may have what it likes. */
export function packRequest(request: SignInRequest): string {
  return Buffer.from(JSON.stringify(request)).toString("base64url");
}

/** @returns `undefined` if it is no such request */
export function unpackRequest(packed: string): SignInRequest | undefined {
  try {
    return requestSchema.parse(JSON.parse(Buffer.from(packed, "base64url").toString()));
  } catch {
    return undefined;
  }
}
