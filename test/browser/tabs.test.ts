import { expect, test } from "vitest";
import type { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

// Many tabs of one browser. Over HTTP/1.1 it has six connections to the service, for all of them together.

const chat = useChat({ MODEL_PACE: "5" });

/** Resolves when the tab has let its stream go. */
async function leave(tab: ChatPage): Promise<void> {
  const letGo = tab.page.waitForEvent("requestfailed", (request) => request.url().endsWith("/session/events"));
  await tab.isLookedAt(false);
  await letGo;
}

test("eight tabs do not stand in each other's way, and one that is looked at again shows what it missed", async () => {
  const first = await chat.open();
  await first.signIn(chat.server.url);
  await first.ask("My name is Ada");
  const tabs = [first];
  for (let tab = first; tabs.length < 8; tabs.push(tab)) {
    await tab.isLookedAt(false);
    tab = await tab.duplicate();
    await tab.answers.getByText("Nice to meet you, Ada").waitFor();
  }
  const last = tabs.at(-1) ?? first;
  expect(await last.ask("What is my name?")).toContain("Ada");
  await last.begin();
  await last.ask("What time is it in Oslo?");
  await last.isLookedAt(false);
  await expect.poll(() => first.questions.count()).toBe(1);
  await first.isLookedAt(true);
  await first.answers.getByText("Your name is Ada").waitFor();
  await first.conversation("What time is it in Oslo?").waitFor();
  // And it is told again of what happens from here on.
  const other = await chat.open();
  await other.signIn(chat.server.url);
  await other.openConversation("My name is Ada");
  await other.ask("Show me some markdown");
  await first.questions.getByText("Show me some markdown").waitFor();
  expect(tabs.flatMap(({ faults }) => faults)).toEqual([]);
});

test("a tab that was not looked at when its session ended says so when it is", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await other.signIn(chat.server.url);
  await leave(ada);
  await other.openPanel();
  await other.button(/^End Chrome/).click();
  await other.panel
    .getByRole("status")
    .getByText(/^Ended/)
    .waitFor();
  await expect.poll(() => ada.over.count()).toBe(0);
  await ada.isLookedAt(true);
  await ada.over.getByText("ended from another place").waitFor();
});

test("a tab whose session ended while the user signed in again in another tab goes on by itself", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  // A page that has shown the sign-in itself would be told that somebody signed in.
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  const other = await ada.duplicate();
  await leave(ada);
  await other.button("Sign out").click();
  await other.signInHere();
  await ada.isLookedAt(true);
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.ask("What is my name?")).toContain("Ada");
  expect(await ada.over.count()).toBe(0);
});

test("a message that did not arrive, and is taken back in one tab, is gone in the other", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.page.context().route("**/chat", (route) => route.abort());
  await ada.say("What is my name?");
  await ada.button("Take it back").waitFor();
  const other = await ada.duplicate();
  await other.button("Take it back").click();
  await expect.poll(() => ada.questions.allInnerTexts()).toEqual(["My name is Ada"]);
});
