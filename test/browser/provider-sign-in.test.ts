// The sign-in page with an OpenID Connect provider, which is another site: from the button to it, through its forms, back.
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { client, startOpenIdProvider, type TestProvider } from "../chat-server/support/openid-provider.js";
import { freshId } from "../support/turns.js";
import { ChatPage, launchChromium, openChatPage } from "./support/browser.js";
import { ChatServer } from "./support/chat-server.js";

let provider: TestProvider;
let server: ChatServer;
let browser: Browser;
let context: BrowserContext;
let chat: ChatPage;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  const url = `http://127.0.0.1:${port}`;
  // By another name, it is another site: cookies that are SameSite=Strict stay away from what it begins.
  provider = await startOpenIdProvider(url, { hostname: "localhost" });
  [server, browser] = await Promise.all([
    ChatServer.start({
      PORT: String(port),
      PUBLIC_URL: url,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
    }),
    launchChromium(),
  ]);
});
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
  await provider.stop();
});
beforeEach(async () => {
  ({ chat, context } = await openChatPage(browser));
  // The provider's forms ask for fonts of another site.
  await context.route(/^https:/, (route) => route.abort());
});
afterEach(async () => {
  await context.close();
  if (chat.faults.length > 0) throw new Error(chat.faults.join("\n"));
});

const button = () => chat.button("Sign in").and(chat.page.locator("#users button"));
const at = () => new URL(chat.page.url()).pathname;

/** At the provider. */
async function fillIn(login: string): Promise<void> {
  await chat.page.getByPlaceholder("Enter any login").fill(login);
  await chat.page.getByPlaceholder("and password").fill("any");
  await chat.button("Sign-in").click();
  await chat.button("Continue").click();
}

test("the button leads to the provider, and from there back to the conversation that was asked for", async () => {
  const login = freshId();
  await chat.page.goto(server.url);
  await button().click();
  await fillIn(login);
  await chat.field.waitFor();
  expect(at()).toBe("/");
  await chat.page.locator("#user-name").getByText(`${login} of the provider`).waitFor();
  await chat.ask("My name is Ada");
  const conversation = at();
  await chat.button("Sign out").click();
  await chat.page.getByText("You are signed out.").waitFor();

  await chat.page.goto(server.url + conversation);
  // At the provider the user is signed in still.
  await button().click();
  await chat.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(at()).toBe(conversation);
  await chat.page.goBack();
  await chat.page.goForward();
  await chat.answers.getByText("Nice to meet you, Ada").waitFor();
});

test("a sign-in that the user or the provider broke off is told, and tried again where the user was", async () => {
  await chat.page.goto(`${server.url}/c/AAAAAAAAAAAAAAAAAAAAAA`);
  await button().click();
  await chat.page.getByRole("link", { name: "Cancel" }).click();
  await chat.page.getByRole("alert").getByText("You could not be signed in. Try again.").waitFor();
  expect(at()).toBe("/c/AAAAAAAAAAAAAAAAAAAAAA");
  await button().click();
  await fillIn(freshId());
  await chat.page.getByRole("heading", { name: "There is no such conversation" }).waitFor();
  expect(chat.page.url()).toBe(`${server.url}/c/AAAAAAAAAAAAAAAAAAAAAA`);

  // An answer of the provider that this browser did not ask for.
  await context.clearCookies();
  await chat.page.goto(`${server.url}/sign-in/callback?code=a&state=b`);
  await chat.page.getByRole("alert").getByText("You could not be signed in. Try again.").waitFor();
  expect(at()).toBe("/");
});
