// A small version of `npm run test:load`, which measures too.
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat, gather, lostTurns } from "./support/crowd.js";
import { startTestService, type TestService } from "./support/service.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

test("20 people chat at the same time: each has an answer to each message, and each turn is there once and whole", async () => {
  const crowd = await gather(service.url, service.jwtFor, { people: 20, turnsEach: 5, withSessions: true });
  expect(await chat(service.url, crowd)).toMatchObject({ answered: 100, failed: 0 });
  expect(await lostTurns(crowd)).toBe(0);
});
