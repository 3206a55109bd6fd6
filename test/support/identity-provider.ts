import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** An identity provider that publishes its keys, and a token of Ada's for the audience "chat". */
export async function startIdentityProvider(): Promise<{ issuer: string; jwt: string; stop: () => void }> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const keys = [await exportJWK(publicKey)];
  const server = createServer((_request, response) => void response.end(JSON.stringify({ keys })));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token = new SignJWT().setProtectedHeader({ alg: "RS256" }).setIssuer(issuer).setAudience("chat");
  const jwt = await token.setSubject("ada").setExpirationTime("5m").sign(privateKey);
  return { issuer, jwt, stop: () => server.close() };
}
