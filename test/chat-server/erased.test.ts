// DELETE /me: nothing that the service stored tells of the user, its limits included.
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { storedTexts } from "../sessions/support/stored-text.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

let redis: RunningRedis;
let client: Redis;
let service: TestService;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  service = await startTestService({ environment: { REDIS_URL: redis.url, TRUSTED_PROXIES: "1" } });
});
afterAll(async () => {
  await service.stop();
  await client.quit();
  await redis.stop();
});

test("after a user erased themselves no key and no value of the server holds their id, address or words", async () => {
  const ada = new Visitor(service.url, await service.jwtFor("ada-lovelace"));
  const headers = { "X-Forwarded-For": "192.0.2.77" };
  await ada.send("/users", { headers });
  const { json } = await ada.send("/sessions", { body: { agentId: "assistant" }, headers });
  ada.token = json.token;
  ada.session = json.session;
  expect((await ada.say("Remember that I like jasmine tea.", "a-key")).status).toBe(200);
  expect((await ada.send("/memory/diet", { method: "PUT", body: { value: "jasmine" } })).status).toBe(200);
  const telling = async (): Promise<string[]> => {
    const texts = await storedTexts(client);
    return texts.filter((text) => ["ada-lovelace", "192.0.2.77", "jasmine"].some((word) => text.includes(word)));
  };
  expect((await telling()).length).toBeGreaterThan(3);
  expect((await ada.send("/me", { method: "DELETE" })).status).toBe(200);
  expect(await telling()).toEqual([]);
  // Limits are among what was looked at: they count on for what is left of their minute.
  const kinds = [`${service.keyPrefix}:requests:user-*`, `${service.keyPrefix}:turns:user-*`];
  for (const kind of [...kinds, `${service.keyPrefix}:requests:address-*`]) {
    expect(await client.keys(kind), kind).toHaveLength(1);
  }
});
