import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Provider } from "oidc-provider";

export const client = { id: "chat", secret: "a secret of the chat service's own" };

/** A real OpenID Connect provider on this machine. Its form takes any login and any password. */
export interface TestProvider {
  readonly issuer: string;
  /** A token with its signature, and with whatever claims a test wants. */
  readonly sign: (claims: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export async function startOpenIdProvider(serviceUrl: string, { hostname = "127.0.0.1" } = {}): Promise<TestProvider> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: "test", use: "sig", alg: "RS256" };
  // Its address is a part of what it says, so it is made once that is known.
  const server = createServer((request, response) => void provider.callback()(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const issuer = `http://${hostname}:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [`${serviceUrl}/sign-in/callback`],
        backchannel_logout_uri: `${serviceUrl}/sign-in/logout-token`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ["sub"], profile: ["name"] },
    features: { backchannelLogout: { enabled: true } },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} of the provider` }) }),
    jwks: { keys: [jwk] },
    // By default it asks no service on its own machine, where a real one's clients are not.
    fetch: (url, options) => {
      const { dispatcher, ...others } = { ...options };
      void dispatcher;
      return fetch(url, others);
    },
    cookies: { keys: ["a key of the test"] },
  });
  return {
    issuer,
    sign: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "test", typ: "logout+jwt" }).sign(privateKey),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
