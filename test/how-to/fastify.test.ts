// The program of docs/how-to/fastify.md, started as its reader starts it.
import { expect, test } from "vitest";
import { Page } from "./support/page.js";
import { type Service, startService } from "./support/service.js";
import { testService } from "./support/service-suite.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/fastify.md");
let service: Service;

testService(page, async () => {
  service = await startService(new Site("fastify", page.files), ["--import", "tsx", "server.ts"]);
  return service;
});

test("a body that is not JSON is refused with 415", async () => {
  const { program, signIn } = service;
  const { headers } = await fetch(`${program.base}/session`, { method: "POST", headers: signIn });
  const Cookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const sent = { method: "POST", body: "Hi", headers: { ...signIn, Cookie, "Content-Type": "application/xml" } };
  expect((await fetch(`${program.base}/chat`, sent)).status).toBe(415);
});

test("the program ends by itself when it is asked to", async () => {
  expect(await service.program.terminate()).toBe(0);
});
