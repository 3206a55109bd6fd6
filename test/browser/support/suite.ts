import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type ChatPage, launchChromium, openChatPage } from "./browser.js";
import { ChatServer } from "./chat-server.js";

/** A server and a browser for a file; each test begins with users of whom nothing is stored. */
export function useChat(settings?: Readonly<Record<string, string>>): {
  readonly server: ChatServer;
  readonly open: (options?: BrowserContextOptions) => Promise<ChatPage>;
} {
  let server: ChatServer | undefined;
  let browser: Browser | undefined;
  let opened: { chat: ChatPage; context: BrowserContext }[] = [];
  beforeAll(async () => {
    [server, browser] = await Promise.all([ChatServer.start(settings), launchChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await server?.forgetEverybody();
  });
  afterEach(async () => {
    const faults = opened.flatMap(({ chat }) => chat.faults);
    await Promise.all(opened.map(({ context }) => context.close()));
    opened = [];
    expect(faults).toEqual([]);
  });

  return {
    get server() {
      if (server === undefined) throw new Error("not started");
      return server;
    },
    open: async (options) => {
      if (browser === undefined) throw new Error("not started");
      const one = await openChatPage(browser, options);
      opened.push(one);
      return one.chat;
    },
  };
}
