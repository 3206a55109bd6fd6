// What a browser does with the cookies of the sign-in at other addresses than this machine's.
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { selfSigned } from "../support/self-signed.js";
import { ChatPage, launchChromium } from "./support/browser.js";
import { ChatServer } from "./support/chat-server.js";

// A neighbouring subdomain may set cookies for the whole site. A browser keeps it from the names that begin with
// __Host-, and lets it set one that only String.trim() takes for such a name: that must not lock the user out.
const names = ["__Host-session", "__Host-sign-in"];
const planted = names.flatMap((name) => [`\u00A0${name}=planted`, `\u00A0\u00A0${name}=planted`]);

let chatServer: ChatServer;
let server: Server;
let browser: Browser;
/** The names of the cookies that came with the latest request to the service. */
let sent: string[] = [];
beforeAll(async () => {
  chatServer = await ChatServer.start({ PUBLIC_HOSTS: "www.app.test,chat.test" });
  const { certificate, key } = selfSigned();
  server = createServer({ cert: certificate, key }, answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  browser = await launchChromium("--host-resolver-rules=MAP *.test 127.0.0.1");
});
afterAll(async () => {
  await browser.close();
  server.close();
  server.closeAllConnections();
  await chatServer[Symbol.asyncDispose]();
});

/** The service at www.app.test, behind a proxy that ends TLS; at any other name, the neighbour. */
function answer(incoming: IncomingMessage, response: ServerResponse): void {
  const { host = "", cookie = "" } = incoming.headers;
  if (!host.startsWith("www.")) {
    const attributes = "Domain=app.test; Path=/; Secure; SameSite=Lax";
    response.setHeader(
      "Set-Cookie",
      [...planted, ...names.map((name) => `${name}=planted`)].map((pair) => `${pair}; ${attributes}`),
    );
    // In bytes: together with a text Node would write the headers in UTF-8.
    response.end(Buffer.from("planted"));
    return;
  }
  sent = cookie.split(";").map((pair) => pair.replace(/=.*/, ""));
  const { method = "", url: path = "", headers } = incoming;
  const passedOn = request(new URL(path, chatServer.url), { method, headers, setHost: false }, (answered) => {
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(response);
  });
  passedOn.on("error", () => response.destroy());
  response.on("close", () => passedOn.destroy());
  incoming.pipe(passedOn);
}

test("a user whom a neighbour gave cookies that look like those of the sign-in stays signed in", async () => {
  const { port } = server.address() as AddressInfo;
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const ada = new ChatPage(await context.newPage());
  await ada.signIn(`https://www.app.test:${port}/`);
  await ada.ask("My name is Ada");
  const conversation = ada.page.url();
  await ada.page.goto(`https://neighbour.app.test:${port}/`);
  await ada.page.goto(conversation);
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.ask("What is my name?")).toContain("Ada");
  // The browser did take and send them, but for those that it protects.
  expect(sent.filter((name) => name.includes("\u00A0"))).toHaveLength(planted.length);
  expect(sent.filter((name) => names.includes(name.trim()))).toHaveLength(names.length + planted.length);
  expect(ada.faults).toEqual([]);
  await context.close();
});

test("a user whose browser keeps no cookie for this address is told so, and what to do", async () => {
  // Over plain http from another machine a browser keeps no cookie that is Secure.
  const chat = new ChatPage(await browser.newPage());
  await chat.page.goto(chatServer.url.replace("127.0.0.1", "chat.test"));
  await chat.button(/Sign in as Ada/).click();
  await chat.page.getByRole("alert").getByText("This browser keeps no cookie for this address").waitFor();
  await chat.page.goto(chatServer.url);
  await chat.signInHere();
});
