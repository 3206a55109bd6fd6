// Over plain http from another machine a browser keeps no cookie that is Secure. The user is told so.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { ChatPage, launchChromium } from "./support/browser.js";
import { ChatServer } from "./support/chat-server.js";

let server: ChatServer;
let browser: Browser;
beforeAll(async () => {
  server = await ChatServer.start({ PUBLIC_HOSTS: "chat.test" });
  browser = await launchChromium("--host-resolver-rules=MAP chat.test 127.0.0.1");
});
afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

test("a user whose browser keeps no cookie for this address is told so, and what to do", async () => {
  const chat = new ChatPage(await browser.newPage());
  await chat.page.goto(server.url.replace("127.0.0.1", "chat.test"));
  await chat.button(/Sign in as Ada/).click();
  await chat.page.getByRole("alert").getByText("This browser keeps no cookie for this address").waitFor();
  await chat.page.goto(server.url);
  await chat.signInHere();
});
