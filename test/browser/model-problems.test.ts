import { afterAll, beforeEach, expect, test } from "vitest";
import type { ChatPage } from "./support/browser.js";
import { startModelProvider } from "./support/model-provider.js";
import { useChat } from "./support/suite.js";

// What the page says when a question is not answered, and what can be done about it.

const ANSWER = "It rains in Oslo.";
const provider = await startModelProvider();
afterAll(() => provider.close());
const chat = useChat({
  OPENAI_API_KEY: "a key of the test",
  OPENAI_BASE_URL: provider.url,
  TURN_TIMEOUT: "4s",
  TURNS_PER_MINUTE: "20",
});
beforeEach(() => {
  provider.behaviour = { says: ANSWER };
});

const problems = [
  [{ status: 401 }, "does not accept the key of this service. Whoever runs the service has to look after it."],
  [{ status: 429 }, "The model has too much to do. Try again in a minute."],
  [{ status: 429, code: "insufficient_quota" }, "is used up. Tell who runs it."],
  [{ status: 503 }, "The model cannot be reached. Try again in a while."],
  ["hangs up", "The model cannot be reached. Try again in a while."],
  ["is silent", "The answer took too long and was stopped. Try again, or ask for less."],
] as const;

test("what a model's provider refuses is told with what to do, and the question is asked again", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Does it rain?");
  await ada.ask("And in Bergen?");
  for (const [behaviour, text] of problems) {
    provider.behaviour = behaviour;
    await ada.button("Answer again").or(ada.tryAgain).click();
    await ada.answers.last().getByText(text).waitFor();
    await ada.page.getByRole("alert").filter({ hasText: text }).waitFor({ state: "attached" });
    expect(await ada.page.locator("body").innerText()).not.toContain("what the provider says");
  }
  provider.behaviour = { says: ANSWER };
  await ada.tryAgain.click();
  await expect.poll(() => ada.answers.getByText(ANSWER).count()).toBe(2);
  await expect.poll(() => ada.tryAgain.count()).toBe(0);
  await ada.page.reload();
  await ada.answers.nth(1).getByText(ANSWER).waitFor();
  await expect.poll(() => ada.questions.count()).toBe(2);
});

test("an edit that was not answered can be taken back: what it was to replace is there as before", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Does it rain in Oslo?");
  await ada.ask("And in Bergen?");
  provider.behaviour = { status: 401 };
  await ada.questions.first().hover();
  await ada.questions.first().getByRole("button", { name: "Edit" }).click();
  const field = ada.page.getByRole("textbox", { name: "Edit your message" });
  await field.fill("Does it snow in Oslo?");
  await field.press("Enter");
  await ada.answers.last().getByText("does not accept the key").waitFor();
  // It can be seen on other devices, and taken back there.
  const other = await chat.open();
  await other.signIn(chat.server.url);
  await other.openConversation("Does it rain in Oslo?");
  for (const page of [ada, other]) {
    await page.questions.getByText("Does it snow in Oslo?").waitFor();
    await page.button("Take it back").waitFor();
  }
  await ada.page.reload();
  await ada.button("Take it back").click();
  for (const page of [ada, other]) {
    await expect.poll(() => page.questions.allInnerTexts()).toEqual(["Does it rain in Oslo?", "And in Bergen?"]);
    await expect.poll(() => page.answers.getByText(ANSWER).count()).toBe(2);
    await expect.poll(() => page.button("Take it back").count()).toBe(0);
  }
  expect(await ada.field.inputValue()).toBe("Does it snow in Oslo?");
  provider.behaviour = { says: ANSWER };
  expect(await ada.ask("And in Rome?")).toBe(ANSWER);
});

test("what was taken back does not come back with messages that were asked for before", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Does it rain?");
  provider.behaviour = { status: 401 };
  await ada.say("Never mind");
  await ada.button("Take it back").waitFor();
  const late = await ada.holdAnswer("**/messages?*");
  await ada.page.evaluate("dispatchEvent(new Event('online'))");
  await expect.poll(() => late.isHeld).toBe(true);
  await ada.button("Take it back").click();
  await expect.poll(() => ada.questions.count()).toBe(1);
  await ada.page.evaluate(`globalThis.cameBack = false;
    const look = () => (cameBack ||= document.querySelector("#messages").textContent.includes("Never mind"));
    new MutationObserver(look).observe(document.querySelector("#messages"), { childList: true, subtree: true });`);
  await late.letGo();
  provider.behaviour = { says: ANSWER };
  await ada.field.fill("");
  await ada.ask("Does it snow?");
  expect(await ada.page.evaluate("cameBack")).toBe(false);
});

/** How the page asks for it depends on whether it knows the position of the question by then. */
const TAKING_BACK = /\/(?:answer|messages\?from=.*)$/;

const drafts = (by: ChatPage): Promise<string[]> =>
  by.page.evaluate(`Object.entries(localStorage)
    .filter(([key]) => key.includes(".draft."))
    .map(([, text]) => JSON.parse(text))`);

test("what is taken back from a conversation that is left meanwhile is offered there, and nowhere else", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Does it rain?");
  await ada.begin();
  await ada.ask("Does it snow?");
  provider.behaviour = { status: 401 };
  await ada.say("Never mind");
  const late = await ada.holdAnswer(TAKING_BACK);
  await ada.button("Take it back").click();
  await expect.poll(() => late.isHeld).toBe(true);
  await ada.openConversation("Does it rain?");
  await late.letGo();
  await expect.poll(() => drafts(ada)).toEqual(["Never mind"]);
  expect(await ada.field.inputValue()).toBe("");
  await ada.openConversation("Does it snow?");
  expect(await ada.field.inputValue()).toBe("Never mind");
  expect(await ada.button("Take it back").count()).toBe(0);
});

test.each(["an earlier one", "a new one"] as const)(
  "what is taken back from a conversation that had nothing else, and is left for %s, is offered in a new one",
  async (left) => {
    const ada = await chat.open();
    await ada.signIn(chat.server.url);
    await ada.ask("Does it rain?");
    await ada.begin();
    provider.behaviour = { status: 401 };
    await ada.say("Never mind");
    const late = await ada.holdAnswer(TAKING_BACK);
    await ada.button("Take it back").click();
    await expect.poll(() => late.isHeld).toBe(true);
    if (left === "a new one") await ada.begin();
    else await ada.openConversation("Does it rain?");
    await late.letGo();
    await ada.conversation("Never mind").waitFor({ state: "detached" });
    if (left === "an earlier one") await ada.begin();
    await expect.poll(() => ada.field.inputValue()).toBe("Never mind");
    await ada.openConversation("Does it rain?");
    expect(await ada.field.inputValue()).toBe("");
  },
);

test("a message that waits for a stop is not sent behind an answer that broke off instead", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  provider.behaviour = "is silent";
  await ada.say("Does it rain?");
  // The service never hears that it is to stop.
  await ada.page.route("**/answer/stop", () => {});
  await ada.stop.click();
  await ada.say("Does it snow?");
  await ada.tryAgain.waitFor();
  expect(await ada.field.inputValue()).toBe("Does it snow?");
  expect(await ada.questions.count()).toBe(1);
});

test("a user who asks too often is told when to try again", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const refused = ada.answers.getByText(/That was a lot in a short time\. Try again in \d+ s\./);
  // More than are allowed in a minute, and in the next one.
  for (let asked = 0; asked < 41 && (await refused.count()) === 0; asked++) await ada.ask(`Question ${asked}`);
  await refused.waitFor();
  await ada.tryAgain.waitFor();
});
