// How much one client may ask for.
import { request } from "node:http";
import { Redis } from "ioredis";
import { afterEach, expect, inject, test } from "vitest";
import { countedAddress, countedUser } from "../../examples/chat-server/counted.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

const running: TestService[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});
async function served(environment: Readonly<Record<string, string>>): Promise<TestService> {
  const service = await startTestService({ environment });
  running.push(service);
  return service;
}

const refused = { status: 429, json: { code: "RATE_LIMITED", retryAfter: expect.any(Number) } };

test("so many turns a minute for each user; then a 429 that says how long to wait, before the model is asked", async () => {
  const service = await served({ TURNS_PER_MINUTE: "2" });
  const [ada, bob] = [await Visitor.inSession(service.url), await Visitor.inSession(service.url, "bob")];
  expect((await ada.say("one")).status).toBe(200);
  expect((await ada.say("two")).status).toBe(200);
  const third = await ada.say("three");
  expect(third).toMatchObject(refused);
  expect(third.headers.get("Content-Type")).toBe("application/problem+json");
  const seconds = Number(third.headers.get("Retry-After"));
  expect(seconds).toBe(third.json.retryAfter);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(await ada.stored()).toHaveLength(4);
  // Another session of the same user does not help; other users, and other requests, are not concerned.
  const again = await Visitor.inSession(service.url);
  expect((await again.say("four")).status).toBe(429);
  expect((await bob.say("one")).status).toBe(200);
  expect((await ada.send("/session")).status).toBe(200);
});

test("so many requests a minute for each user, of all kinds, on all servers together", async () => {
  const limit = { REQUESTS_PER_MINUTE: "10" };
  const service = await served(limit);
  const ada = new Visitor(service.url, await service.jwtFor("ada"));
  await ada.start();
  const statuses = [];
  for (let count = 0; count < 12; count++) statuses.push((await ada.send("/session")).status);
  expect(statuses).toEqual([...Array<number>(9).fill(200), 429, 429, 429]);
  expect(await ada.send("/sessions", { body: { agentId: "assistant" } })).toMatchObject(refused);
  const bob = new Visitor(service.url, await service.jwtFor("bob"));
  expect((await bob.send("/sessions", { body: { agentId: "assistant" } })).status).toBe(201);
  const client = new Redis(inject("servers").single);
  const keys = await client.keys(`${service.keyPrefix}:requests:user-*`);
  expect(keys).toHaveLength(2);
  for (const key of keys) {
    expect(await client.ttl(key)).toBeGreaterThan(0);
    expect(key).not.toMatch(/user-(ada|bob)/);
  }
  await client.quit();
});

test("who counts for a limit: a user in one organisation, and one network of IPv6", () => {
  const ada = { userId: "ada" };
  const names = [
    countedUser(ada),
    countedUser({ ...ada, orgId: "acme" }),
    countedUser({ ...ada, orgId: "globex" }),
    countedUser({ userId: "acme", orgId: "ada" }),
    countedUser({ userId: 'a","b' }),
    countedUser({ userId: 'b"', orgId: '"a' }),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(countedUser({ ...ada, orgId: undefined })).toBe(countedUser(ada));
  for (const name of names) expect(name).toMatch(/^user-[\w-]{22}$/);
});

test.each([
  ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"],
  ["2001:db8::1", "2001:db8:0:0:1:2:3:4", "2001:db8:0:1::1"],
  ["2001:db8::", "2001:db8::a:b:c:d", "2001:db8:1::"],
  ["::1", "::ffff:0:0:1", "1::1"],
  ["1:0:0:2::", "1::2:0:0:0:5", "1::2:0:0:5"],
  ["64:ff9b::c000:207", "64:ff9b::5", "64:ff9b:1::5"],
  ["::192.0.2.7", "::198.51.100.7", "1::192.0.2.7"],
])("%s counts as %s does, and not as %s", (one, same, other) => {
  expect(countedAddress(one)).toBe(countedAddress(same));
  expect(countedAddress(one)).not.toBe(countedAddress(other));
});

test("addresses of IPv4 count one by one, and those that are not known together", () => {
  const names = ["192.0.2.7", "192.0.2.8", undefined, "2001:db8::"].map(countedAddress);
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^address-[\w-]+$/);
});

test("so many sign-ins a minute for each network of IPv6, from any address in it", async () => {
  const service = await served({ REQUESTS_PER_MINUTE: "3", TRUSTED_PROXIES: "1" });
  const nobody = new Visitor(service.url, "");
  const from = async (address: string): Promise<number> =>
    (await nobody.send("/users", { headers: { "X-Forwarded-For": address } })).status;
  expect(await from("2001:db8:1:2::1")).toBe(200);
  expect(await from("2001:DB8:1:2:0:0:0:2")).toBe(200);
  expect(await from("[2001:db8:1:2:ffff::3]:4711")).toBe(200);
  expect(await from("2001:db8:1:2:dead:beef:0:1")).toBe(429);
  expect(await from("2001:db8:1:3::1")).toBe(200);
  // Of a dual-stack socket: IPv4, each address by itself.
  for (let count = 0; count < 3; count++) expect(await from("::ffff:192.0.2.7")).toBe(200);
  expect(await from("192.0.2.7")).toBe(429);
  expect(await from("::ffff:192.0.2.8")).toBe(200);
});

test("so many sign-ins a minute for each address", async () => {
  const service = await served({ REQUESTS_PER_MINUTE: "3" });
  const nobody = new Visitor(service.url, "");
  for (let count = 0; count < 3; count++) await nobody.send("/sign-in", { body: { user: "ada" } });
  expect(await nobody.send("/sign-in", { body: { user: "ada" } })).toMatchObject(refused);
  // A forged address is not believed without a proxy that is.
  const headers = { "X-Forwarded-For": "198.51.100.7" };
  expect((await nobody.send("/sign-in", { body: { user: "ada" }, headers })).status).toBe(429);
  expect((await nobody.send("/health")).status).toBe(200);
});

test("a body that is too large is a 413, announced or not", async () => {
  const service = await served({ MAX_BODY_BYTES: "1000" });
  const ada = await Visitor.inSession(service.url);
  const body = JSON.stringify({ message: "x".repeat(2_000) });
  expect(await ada.send("/agents/assistant/chat", { body })).toMatchObject({
    status: 413,
    json: { code: "BODY_TOO_LARGE" },
  });
  // In parts, without a length in front.
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(`${service.url}/agents/assistant/chat`, {
      method: "POST",
      headers: { ...ada.credentials, "Transfer-Encoding": "chunked" },
    });
    sent.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", reject);
    for (let at = 0; at < body.length; at += 100) sent.write(body.slice(at, at + 100));
    sent.end();
  });
  expect(status).toBe(413);
  expect((await ada.say("short enough")).status).toBe(200);
});
