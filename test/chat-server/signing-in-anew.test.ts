// What a page left open, or a copied JWT, must not do: end the user's devices, erase the user, come in again.
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshId } from "../support/turns.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const ago = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

async function inSession(userId: string, signedInAt: Date): Promise<Visitor> {
  const visitor = new Visitor(service.url, await service.jwtFor(userId, signedInAt));
  await visitor.start();
  return visitor;
}
/** The same session, with a sign-in of now. */
async function anew(visitor: Visitor, userId: string): Promise<Visitor> {
  const { token, session } = visitor;
  return Object.assign(new Visitor(service.url, await service.jwtFor(userId)), { token, session });
}

test("ending other devices and erasing take a sign-in of the last 15 minutes; all else and signing out do not", async () => {
  const userId = freshId();
  const [here, there] = [await inSession(userId, ago(16)), await inSession(userId, ago(16))];
  const guarded = [
    () => here.send(`/sessions/${there.session.id}`, { method: "DELETE" }),
    () => here.send("/sessions/end-all", { body: { others: true } }),
    () => here.send("/sessions/end-all", { body: {} }),
    () => here.send("/me", { method: "DELETE" }),
  ];
  for (const ask of guarded) {
    const { status, json, headers } = await ask();
    expect({ status, json }).toMatchObject({ status: 401, json: { code: "REAUTHENTICATION_REQUIRED", maxAge: 900 } });
    expect(headers.get("WWW-Authenticate")).toContain('error="insufficient_user_authentication"');
    expect(headers.get("WWW-Authenticate")).toContain('max_age="900"');
  }
  expect((await here.send("/sessions")).json.sessions).toHaveLength(2);
  expect((await here.say("Hi")).status).toBe(200);
  expect((await there.send(`/sessions/${there.session.id}`, { method: "DELETE" })).status).toBe(204);
  const other = await inSession(userId, ago(16));
  const again = await anew(here, userId);
  expect((await again.send(`/sessions/${other.session.id}`, { method: "DELETE" })).status).toBe(204);
  expect((await again.send("/sessions/end-all", { body: { others: true } })).json).toEqual({ ended: 0 });
  expect((await again.send("/me", { method: "DELETE" })).status).toBe(200);
});

test.each([
  ["all of the user's sessions were ended", "/sessions/end-all", { body: {} }],
  ["the user was erased", "/me", { method: "DELETE" }],
])("a copied JWT opens no session once %s", async (_what, path, sent) => {
  const userId = freshId();
  const ada = await inSession(userId, ago(1));
  const thief = new Visitor(service.url, ada.jwt);
  await thief.start();
  expect((await ada.send(path, sent)).status).toBe(200);
  expect(await thief.send("/session")).toMatchObject({ status: 440 });
  expect(await thief.send("/sessions", { body: { agentId: "assistant" } })).toMatchObject({
    status: 401,
    json: { code: "REAUTHENTICATION_REQUIRED" },
  });
  const later = new Visitor(service.url, await service.jwtFor(userId, new Date(Date.now() + 1_000)));
  await later.start();
  expect((await later.send("/session")).status).toBe(200);
});

test("who ends all other devices stays signed in, and the others' copy of the JWT is worth nothing", async () => {
  const userId = freshId();
  const ada = await inSession(userId, ago(1));
  const thief = new Visitor(service.url, ada.jwt);
  await thief.start();
  expect((await ada.send("/sessions/end-all", { body: { others: true } })).json).toEqual({ ended: 1 });
  expect((await ada.say("Hi")).status).toBe(200);
  expect(await thief.send("/sessions", { body: { agentId: "assistant" } })).toMatchObject({ status: 401 });
});
