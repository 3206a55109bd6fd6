// The server and the page of docs/how-to/stream-to-a-browser.md, in Chromium.
import { createServer, request } from "node:http";
import type { Browser, BrowserContext, Page as Tab } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenOnFreePort } from "../../src/testing/servers/free-ports.js";
import { launchChromium } from "../browser/support/browser.js";
import { Page } from "./support/page.js";
import { type Service, startService } from "./support/service.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/stream-to-a-browser.md");
const site = new Site("stream-to-a-browser", page.files);

let service: Service;
let browser: Browser;
beforeAll(async () => {
  [service, browser] = await Promise.all([startService(site, ["--import", "tsx", "server.ts"]), launchChromium()]);
});
afterAll(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
});

/** A browser of Ada's, signed in on the page. */
async function signedIn(): Promise<{ context: BrowserContext; tab: Tab }> {
  const context = await browser.newContext();
  const tab = await context.newPage();
  await tab.goto(service.program.base);
  await tab.getByLabel("Token").fill(service.signIn["Authorization"]?.slice("Bearer ".length) ?? "");
  await tab.getByRole("button", { name: "Sign in" }).click();
  await tab.getByLabel("Message").waitFor();
  return { context, tab };
}

async function ask(tab: Tab, message: string): Promise<void> {
  await tab.getByLabel("Message").fill(message);
  await tab.getByRole("button", { name: "Send" }).click();
}

const lines = (tab: Tab): Promise<string[]> => tab.getByRole("log").locator("p").allTextContents();

test("an answer goes on when the page is reloaded, and in another tab; each word is shown once", async () => {
  const { context, tab } = await signedIn();
  await ask(tab, "Say it slowly.");
  await expect.poll(() => lines(tab)).toEqual(["Say it slowly.", "Hello"]);
  await tab.reload();
  await expect.poll(() => lines(tab)).toEqual(["Say it slowly.", "Hello"]);
  const other = await context.newPage();
  await other.goto(service.program.base);
  await expect.poll(() => lines(other)).toEqual(["Say it slowly.", "Hello"]);
  service.provider.letGo();
  for (const one of [tab, other]) await expect.poll(() => lines(one)).toEqual(["Say it slowly.", "Hello Ada."]);
  await expect.poll(() => tab.getByRole("button", { name: "Stop" }).isVisible()).toBe(false);
  await tab.reload();
  await expect.poll(() => lines(tab)).toEqual(["Say it slowly.", "Hello Ada."]);
  await context.close();
});

test("a stop in one tab ends the answer in the other", async () => {
  const { context, tab } = await signedIn();
  await ask(tab, "Say it slowly.");
  await expect.poll(() => lines(tab)).toEqual(["Say it slowly.", "Hello"]);
  const other = await context.newPage();
  await other.goto(service.program.base);
  await other.getByRole("button", { name: "Stop" }).click();
  await expect.poll(() => tab.getByRole("status").textContent()).toBe("The answer ended early: stopped.");
  expect(await lines(tab)).toEqual(["Say it slowly.", "Hello"]);
  service.provider.letGo();
  await context.close();
});

test("what is said is shown as text, and no script of it runs", async () => {
  const { context, tab } = await signedIn();
  await ask(tab, "<img src=x onerror=\"document.title='taken'\">");
  await expect.poll(() => lines(tab)).toEqual(["<img src=x onerror=\"document.title='taken'\">", "Hello Ada."]);
  expect(await tab.title()).toBe("Chat");
  await context.close();
});

test("a question whose reply was lost is sent again under the same id, and stored once", async () => {
  const { context, tab } = await signedIn();
  await tab.route("**/chat", async (route) => {
    await route.fetch(); // The server has it, and the page is not told.
    await route.abort();
  });
  await ask(tab, "Hi");
  await expect.poll(() => tab.getByRole("status").textContent()).toBe("No connection. Send it again.");
  await tab.unroute("**/chat");
  await expect
    .poll(async () => {
      await tab.getByRole("button", { name: "Send" }).click();
      return tab.getByLabel("Message").inputValue();
    })
    .toBe("");
  await expect.poll(() => lines(tab)).toEqual(["Hi", "Hello Ada."]);
  await context.close();
});

test("scripts of the page cannot read a token, and no address has one", async () => {
  const { context, tab } = await signedIn();
  const addresses: string[] = [];
  tab.on("request", (sent) => addresses.push(sent.url()));
  await ask(tab, "Hi");
  await expect.poll(() => lines(tab)).toEqual(["Hi", "Hello Ada."]);
  expect(await tab.evaluate("document.cookie")).toBe("");
  const cookies = await context.cookies();
  expect(
    cookies.map(({ name, httpOnly, secure, sameSite, path }) => ({ name, httpOnly, secure, sameSite, path })),
  ).toEqual(
    ["__Host-session", "__Host-sign-in"].map((name) => ({
      name,
      httpOnly: true,
      secure: true,
      sameSite: "Strict",
      path: "/",
    })),
  );
  expect(addresses.some((address) => address.endsWith("/chat"))).toBe(true);
  for (const { value } of cookies) expect(addresses.join()).not.toContain(value);
  await context.close();
});

test("a form of another site's page asks nothing", async () => {
  const { context, tab } = await signedIn();
  const form = `<form method="post" enctype="text/plain" action="${service.program.base}/chat">
    <input name='{"message":"Hi","operationId":"5f0c954d-8b5e-4f0b-9a53-0d6a7c0f6e12","' value='":1}'><button>Win</button></form>`;
  const evil = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).end(form);
  });
  const port = await listenOnFreePort(evil);
  const other = await context.newPage();
  await other.goto(`http://127.0.0.1:${port}/`);
  const answered = other.waitForResponse(/\/chat$/);
  await other.getByRole("button", { name: "Win" }).click();
  expect([401, 403]).toContain((await answered).status());
  await tab.reload();
  await tab.getByLabel("Message").waitFor();
  expect(await lines(tab)).toEqual([]);
  evil.close();
  await context.close();
});

test("with both cookies and no sign of the own page, the server refuses; twice the same cookie is nobody", async () => {
  const { context } = await signedIn();
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`);
  const status = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request(`${service.program.base}/stop`, { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
  const own = { "Sec-Fetch-Site": "same-origin" };
  expect(await status({ Cookie: cookies.join("; "), ...own })).toBe(200);
  expect(await status({ Cookie: cookies.join("; ") })).toBe(403);
  expect(await status({ Cookie: cookies.join("; "), "Sec-Fetch-Site": "cross-site" })).toBe(403);
  expect(await status({ Cookie: [...cookies, ...cookies].join("; "), ...own })).toBe(401);
  await context.close();
});

test("the commands of the page ask with curl, and follow", async () => {
  const printed = await service.shell(page.command("curl -sS -c cookies"));
  expect(printed).toMatch(/data: \{"text":"Hello"\}\n/);
  expect(printed).toMatch(/event: end\nid: \S+\ndata: \{"end":"stored"/);
});

test("its types are right", async () => {
  expect(await site.typeErrors()).toBe("");
});
