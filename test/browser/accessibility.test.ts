import type { Locator } from "playwright-core";
import { expect, test } from "vitest";
import { sampleOf } from "../support/amount.js";
import type { ChatPage } from "./support/browser.js";
import { faintEdges, illegibleTexts, smallTargets } from "./support/legibility.js";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "12" });
const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** Presses Tab, or Shift+Tab, until the focus is there. */
async function tabTo(page: ChatPage, target: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if (await hasFocus(target)) return;
    await page.page.keyboard.press(key);
  }
  throw new Error(`${key} does not reach ${String(target)}.`);
}

async function hasFocus(target: Locator): Promise<boolean> {
  return (await target.and(target.page().locator(":focus")).count()) === 1;
}

async function focusComesTo(target: Locator): Promise<void> {
  await target.and(target.page().locator(":focus")).waitFor();
}

test("everything can be done with the keyboard alone, and the focus is never lost", async () => {
  const ada = await chat.open();
  const { keyboard } = ada.page;
  await ada.page.goto(chat.server.url);
  await focusComesTo(ada.button(/Sign in as Ada/));
  await keyboard.press("Enter");
  await focusComesTo(ada.field);
  await keyboard.type("My name is Ada");
  await keyboard.press("Shift+Enter");
  await keyboard.type("Lovelace");
  await keyboard.press("Enter");
  await ada.answers.getByText("Nice to meet you").waitFor();
  await focusComesTo(ada.field);
  await ada.send.waitFor();

  await keyboard.type("Tell me a long story");
  await keyboard.press("Enter");
  await ada.answers.getByText("Once upon").waitFor();
  await tabTo(ada, ada.stop);
  await keyboard.press("Enter");
  await ada.answers.getByText("stopped").waitFor();
  await focusComesTo(ada.field);

  const rename = ada.button(/^Rename/);
  await tabTo(ada, rename, "Shift+Tab");
  await keyboard.press("Enter");
  await focusComesTo(ada.page.getByRole("textbox", { name: "Title" }));
  await keyboard.press("Escape");
  await focusComesTo(rename);
  await keyboard.press("Enter");
  await keyboard.type("First");
  await keyboard.press("Enter");
  await focusComesTo(ada.button("Rename “First”"));

  await tabTo(ada, ada.newConversation, "Shift+Tab");
  await keyboard.press("Enter");
  await focusComesTo(ada.field);
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.ask("My name is Grace");

  await tabTo(ada, ada.button("Delete “My name is Grace”"), "Shift+Tab");
  await keyboard.press("Enter");
  const question = ada.page.getByRole("dialog", { name: "Delete this conversation?" });
  await focusComesTo(question.getByRole("button", { name: "Cancel" }));
  await keyboard.press("Escape");
  await focusComesTo(ada.button("Delete “My name is Grace”"));
  await keyboard.press("Enter");
  await tabTo(ada, question.getByRole("button", { name: "Delete" }));
  await keyboard.press("Enter");
  await focusComesTo(ada.conversation("First"));
  // What was deleted was open, so a new one begins; the focus stays in the list.
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await focusComesTo(ada.conversation("First"));
  await keyboard.press("Enter");
  await focusComesTo(ada.field);

  await chat.server.signInElsewhere("ada");
  await tabTo(ada, ada.button("Your session"), "Shift+Tab");
  await keyboard.press("Enter");
  await tabTo(ada, ada.button(/^End Unknown|^End node|^End undici/));
  await keyboard.press("Enter");
  await ada.panel
    .getByRole("status")
    .getByText(/^Ended/)
    .waitFor();
  await focusComesTo(ada.page.getByRole("heading", { name: "Your session" }));
  await keyboard.press("Escape");
  await focusComesTo(ada.button("Your session"));
});

test("landmarks, headings and names are there for screen readers", async () => {
  const ada = await chat.open();
  await ada.page.goto(chat.server.url);
  await ada.page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  await ada.signInHere();
  await ada.ask("What time is it in Oslo?");
  for (const named of [
    ada.page.getByRole("navigation", { name: "Conversations" }),
    ada.page.getByRole("main"),
    ada.page.getByRole("heading", { level: 1, name: "What time is it in Oslo?" }),
    ada.page.getByRole("region", { name: "Messages" }),
    ada.questions,
    ada.answers,
    ada.field,
    ada.page.getByRole("link", { name: "Skip to the message field" }),
  ]) {
    await expect.poll(() => named.count(), { message: String(named) }).toBe(1);
  }
  expect(await ada.conversation("What time is it in Oslo").getAttribute("aria-current")).toBe("page");
  await ada.openPanel();
  for (const name of ["Where you are signed in", "What the agent remembers", "Your data"]) {
    await expect.poll(() => ada.panel.getByRole("region", { name }).count(), { message: name }).toBe(1);
  }
  const nameless = `[...document.querySelectorAll("button, input, textarea")].filter((one) => one.checkVisibility() &&
    !(one.ariaLabel || one.textContent.trim() || one.labels?.length)).map((one) => one.outerHTML)`;
  expect(await ada.page.evaluate(nameless)).toEqual([]);
});

test("an answer is announced when it is there, not word by word", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.page.evaluate(`globalThis.heard = [];
    const listen = (region) => new MutationObserver(() => region.textContent && heard.push(region.textContent))
      .observe(region, { childList: true, characterData: true, subtree: true });
    document.querySelectorAll("[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log]").forEach(listen);`);
  await ada.ask("Tell me a story");
  const heard = () => ada.page.evaluate<string[]>("heard");
  await expect.poll(async () => (await heard()).at(-1)).toMatch(/^The agent answered: Once upon/);
  expect(await heard()).toEqual(["The agent is answering.", expect.stringMatching(/^The agent answered/)]);
});

test("the end of a session is announced at once, with the focus on what to do", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await other.signIn(chat.server.url);
  await ada.openPanel();
  await other.openPanel();
  await other.button(/^End Chrome/).click();
  const dialog = ada.page.getByRole("alertdialog", { name: "You were signed out" });
  await dialog.waitFor();
  await focusComesTo(dialog.getByRole("button", { name: "Sign in again" }));
});

test.each(sampleOf("dark", "light"))("all texts, edges and rings can be made out in %s", async (colorScheme) => {
  const [ada, other] = [await chat.open({ colorScheme }), await chat.open()];
  const legible = async (state: string) => expect(await illegibleTexts(ada.page), state).toEqual([]);
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Bob/).waitFor();
  await legible("signing in");
  await ada.signInHere();
  await legible("empty");
  await ada.ask("What time is it in Oslo?");
  await ada.page.getByText("Looked up the time").click();
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await ada.stop.click();
  await ada.page.route("**/chat", (route) => route.abort());
  await ada.say("This will not arrive");
  await ada.button("Try again").waitFor();
  await ada.page.route("**/conversations?*search*", (route) => route.abort());
  await ada.page.getByRole("searchbox").fill("Oslo");
  await ada.page.getByRole("alert").getByText("The list cannot be searched").waitFor();
  await legible("a conversation with all that can happen");
  expect(await faintEdges(ada.page)).toEqual([]);
  await other.signIn(chat.server.url);
  await ada.openPanel();
  await legible("the panel");
  expect(await faintEdges(ada.page)).toEqual([]);
  await ada.button("Erase everything").click();
  await legible("a question");
  await other.openPanel();
  await other.button("End all others").click();
  await other.page.getByRole("dialog").getByRole("button", { name: "End all others" }).last().click();
  await ada.over.waitFor();
  await legible("the end");
});

test("a phone gets a drawer, targets for a thumb, and no sideways scrolling", async () => {
  const ada = await chat.open(phone);
  const fits = async (state: string) => {
    expect(await smallTargets(ada.page), state).toEqual([]);
    expect(await ada.page.evaluate("document.documentElement.scrollWidth"), state).toBe(360);
  };
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Bob/).waitFor();
  await fits("signing in");
  await ada.signInHere();
  await fits("empty");
  await ada.field.fill("What time is it in Oslo?");
  await ada.send.tap();
  await ada.page.getByText("Looked up the time").waitFor();
  await ada.send.waitFor();
  await fits("a conversation");
  expect(await ada.list.isVisible()).toBe(false);
  await ada.button("Conversations").tap();
  await focusComesTo(ada.button("Close conversations"));
  await ada.conversation("What time").waitFor();
  await fits("the drawer");
  await ada.button(/^Rename/).tap();
  await fits("renaming");
  await ada.page.keyboard.press("Escape");
  await ada.page.keyboard.press("Escape");
  await focusComesTo(ada.button("Conversations"));
  await ada.button("Your session").tap();
  await ada.panel.getByText("this browser").waitFor();
  await fits("the panel");
});

test("people who prefer reduced motion see none", async () => {
  const ada = await chat.open({ reducedMotion: "reduce" });
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  expect(await ada.page.evaluate("document.getAnimations().length")).toBe(0);
  const calm = await chat.open({ reducedMotion: "no-preference" });
  await calm.signIn(chat.server.url, "Bob");
  await calm.say("Tell me a long story");
  await calm.answers.getByText("Once upon").waitFor();
  expect(await calm.page.evaluate("document.getAnimations().length")).toBeGreaterThan(0);
});
