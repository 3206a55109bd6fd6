// The client's address: from the connection, or from proxies that were named; never from what a client says.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InvalidOptionError, SessionStore } from "langchain-redis-sessions";
import { type ClientAddress, sessionGuard } from "langchain-redis-sessions/http";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { drivers } from "./support/drivers.js";
import { authenticate, bearer } from "./support/jwt.js";

const client = "192.0.2.7";
const proxy = "10.0.0.1";

function addressOf(clientAddress: ClientAddress | undefined, forwardedFor: string | undefined, peer?: string) {
  const guard = sessionGuard({ sessions: { verify: expect.unreachable }, authenticate: () => null, clientAddress });
  const headers = forwardedFor === undefined ? {} : { "X-Forwarded-For": forwardedFor };
  return guard.clientAddress(new Request("http://app.test", { headers }), peer);
}

describe("without a setting it is the connection's, and headers do not matter", () => {
  test.each([
    [undefined, undefined],
    ["192.0.2.7", client],
    ["::ffff:192.0.2.7", client],
    ["::FFFF:C000:207", client],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["not an address", undefined],
    ["", undefined],
  ])("%s is %s", (peer, address) => {
    expect(addressOf(undefined, "203.0.113.9", peer)).toBe(address);
  });
});

describe("behind so many proxies it is what the farthest of them saw", () => {
  test.each<[number, string | undefined, string | undefined]>([
    [1, client, client],
    [1, `203.0.113.9, ${client}`, client],
    [1, `203.0.113.9,${client}`, client],
    [2, `203.0.113.9, ${client}, ${proxy}`, client],
    [1, `[2001:DB8::1]:4711`, "2001:db8::1"],
    [1, `${client}:4711`, client],
    // Fewer than there should be: somebody came another way.
    [2, client, undefined],
    [1, undefined, undefined],
    [1, "203.0.113.9, unknown", undefined],
    [1, "203.0.113.9, ", undefined],
    [1, "203.0.113.9, 192.0.2.7.evil.test", undefined],
  ])("%i, %s: %s", (trustedProxies, forwardedFor, address) => {
    expect(addressOf({ trustedProxies }, forwardedFor, proxy)).toBe(address);
  });
});

describe("behind known proxies it is the first address, from the end, that is not a proxy's", () => {
  const known = { trustedProxies: ["10.0.0.0/8", "fd00::/8", "198.51.100.3"] };
  test.each<[string | undefined, string | undefined, string | undefined]>([
    [proxy, client, client],
    ["::ffff:10.0.0.1", client, client],
    ["fd00::1", client, client],
    [proxy, `203.0.113.9, ${client}, 10.9.9.9, 198.51.100.3`, client],
    [proxy, `203.0.113.9, ${client}`, client],
    [proxy, undefined, proxy],
    [proxy, "203.0.113.9, unknown", undefined],
    // Not through a proxy: whatever it claims.
    [client, "203.0.113.9", client],
    ["198.51.100.4", "203.0.113.9", "198.51.100.4"],
    [client, `203.0.113.9, ${proxy}`, client],
    [undefined, client, undefined],
  ])("connected from %s, %s: %s", (peer, forwardedFor, address) => {
    expect(addressOf(known, forwardedFor, peer)).toBe(address);
  });
});

test("a header of another name, or a function, can tell it", () => {
  const guard = sessionGuard({
    sessions: { verify: expect.unreachable },
    authenticate: () => null,
    clientAddress: { trustedProxies: 1, header: "CF-Connecting-IP" },
  });
  const headers = { "CF-Connecting-IP": client, "X-Forwarded-For": "203.0.113.9" };
  expect(guard.clientAddress(new Request("http://app.test", { headers }), proxy)).toBe(client);
  expect(
    addressOf((request, peer) => `${peer === proxy && request.headers.get("X-Forwarded-For")}`, client, proxy),
  ).toBe(client);
  expect(addressOf(() => "unknown", client, proxy)).toBeUndefined();
});

test.each<unknown>([
  true,
  "10.0.0.1",
  {},
  { trustedProxies: 0 },
  { trustedProxies: true },
  { trustedProxies: [] },
  { trustedProxies: ["loopback"] },
  { trustedProxies: ["10.0.0.0/33"] },
  { trustedProxies: ["10.0.0.0/"] },
  { trustedProxies: ["10.0.0.0/255.0.0.0"] },
  { trustedProxies: ["::ffff:10.0.0.0/104"] },
  { trustedProxies: ["fd00::/129"] },
  { trustedProxies: 1, header: "X Forwarded" },
])("%j is no setting", (clientAddress) => {
  expect(() => addressOf(clientAddress as ClientAddress, undefined)).toThrow(InvalidOptionError);
});

describe.each(drivers)("strict address binding on $name", ({ start }) => {
  let redis: Client;
  let sessions: SessionStore;
  beforeAll(() => {
    redis = onOneRedis.connect();
    sessions = new SessionStore({ client: redis, addressBinding: "strict" });
  });
  afterAll(async () => {
    await redis.quit();
  });

  test.each<[string, ClientAddress | undefined, string, string | readonly string[], number]>([
    ["the connection's address", undefined, "127.0.0.1", "203.0.113.9", 200],
    ["a header that nobody asked for", undefined, client, client, 403],
    ["what the proxy saw", { trustedProxies: 1 }, client, client, 200],
    ["what a client claims to the proxy", { trustedProxies: 1 }, client, `${client}, 203.0.113.9`, 403],
    ["a second header, from the client", { trustedProxies: 1 }, client, [client, "203.0.113.9"], 403],
    ["a known proxy", { trustedProxies: ["127.0.0.0/8"] }, client, client, 200],
    ["an unknown proxy", { trustedProxies: ["10.0.0.0/8"] }, client, client, 403],
    ["no address at all", () => undefined, client, client, 403],
  ])("%s", async (_name, clientAddress, ipAddress, forwardedFor, status) => {
    const userId = freshId();
    const { token } = await sessions.create({ userId, agentId: "support", ipAddress });
    const headers = { ...(await bearer({ sub: userId })), "X-Session-Id": token, "X-Forwarded-For": forwardedFor };
    const program = await start({ sessions, authenticate, agentId: "support", clientAddress });
    expect((await program.send({ headers })).status).toBe(status);
    await program.close();
  });
});
