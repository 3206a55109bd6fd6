import { expect, test } from "vitest";
import { severableLink } from "../support/severable-link.js";
import type { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

// What becomes of an answer when the page, the connection or another device does something in the middle of it.

const chat = useChat({ MODEL_PACE: "15", MODEL_DELAY: "400" });

const end = "And there they are still";

/** The whole story, once: under one question, which is stored. */
async function isThereOnce(page: ChatPage): Promise<void> {
  await page.answers.getByText(end).waitFor();
  await page.send.waitFor();
  await expect.poll(() => page.questions.count()).toBe(1);
  const text = await page.answers.innerText();
  for (const part of ["Once upon", "On Monday", "On Thursday", end]) expect(text.split(part), part).toHaveLength(2);
}

test.each([
  ["before its first word", undefined],
  ["in its middle", "On Monday"],
  ["at its end", end],
])("an answer goes on when the page is reloaded %s", async (_phase, until) => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  if (until === undefined) await ada.conversation("Tell me a long story").waitFor();
  else await ada.answers.getByText(until).waitFor();
  await ada.page.reload();
  await isThereOnce(ada);
  await ada.page.reload();
  await isThereOnce(ada);
});

test("a message that was on its way when the page was reloaded is sent after that", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  let sent = 0;
  await ada.page.route("**/chat", async (route) => {
    // The first one hangs, until the page is gone.
    if (sent++ > 0) await route.continue();
  });
  await ada.say("My name is Ada");
  await expect.poll(() => sent).toBe(1);
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
});

test("an answer goes on when its connection is cut, and when it falls silent", async () => {
  const { port } = new URL(chat.server.url);
  const link = await severableLink(() => ({ host: "127.0.0.1", port: Number(port) }));
  const ada = await chat.open();
  try {
    await ada.page.clock.install();
    await ada.signIn(`http://127.0.0.1:${link.port}`);
    await ada.say("Tell me a long story");
    await ada.answers.getByText("Once upon").waitFor();
    link.cut();
    await ada.answers.getByText("On Tuesday").waitFor();
    link.sever();
    // Nobody tells the page. It does not believe the silence for long.
    await ada.page.clock.fastForward(31_000);
    await ada.answers.getByText("Reconnecting…").waitFor();
    await ada.connection.getByText("Reconnecting…").waitFor();
    link.mend();
    await isThereOnce(ada);
    await ada.connection.getByText("Reconnecting…").waitFor({ state: "detached" });
  } finally {
    link.close();
  }
});

test("a page that comes back online, or is looked at again, asks at once", async () => {
  const { port } = new URL(chat.server.url);
  const link = await severableLink(() => ({ host: "127.0.0.1", port: Number(port) }));
  const [ada, other] = [await chat.open(), await chat.open()];
  try {
    await ada.signIn(`http://127.0.0.1:${link.port}`);
    await ada.ask("My name is Ada");
    link.sever();
    await other.signIn(chat.server.url);
    await other.openConversation("My name is Ada");
    await other.ask("What is my name?");
    link.mend();
    link.cut();
    await ada.page.evaluate("dispatchEvent(new Event('online'))");
    await ada.answers.getByText("Your name is Ada").waitFor();
  } finally {
    link.close();
  }
});

test("another device sees a turn that begins, its answer while it is written, and can stop it", async () => {
  const [laptop, mobile] = [await chat.open(), await chat.open()];
  await laptop.signIn(chat.server.url);
  await laptop.ask("My name is Ada");
  await mobile.signIn(chat.server.url);
  await mobile.openConversation("My name is Ada");
  await mobile.answers.getByText("Nice to meet you, Ada").waitFor();

  await laptop.say("Tell me a long story");
  await mobile.questions.getByText("Tell me a long story").waitFor();
  await mobile.answers.getByText("Once upon").waitFor();
  await mobile.list.getByText("The agent is answering").waitFor();
  await mobile.stop.click();
  await laptop.answers.last().getByText("stopped").waitFor();
  await mobile.answers.last().getByText("stopped").waitFor();
  expect(await laptop.answers.last().innerText()).not.toContain(end);
  await mobile.list.getByText("The agent is answering").waitFor({ state: "detached" });

  // And a conversation that begins, one that is named, and one that is gone.
  await laptop.begin();
  await laptop.ask("What time is it in Oslo?");
  await mobile.openConversation("What time is it in Oslo?");
  await laptop.deleteConversation("What time is it in Oslo?");
  await mobile.page.getByRole("heading", { name: "There is no such conversation" }).waitFor();
});

test("Escape in the field stops the answer, and a stopped answer can go on", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await ada.field.press("Escape");
  await ada.answers.getByText("stopped").waitFor();
  await ada.button("Go on").click();
  await ada.questions.getByText("Please go on.").waitFor();
  await expect.poll(() => ada.answers.count()).toBe(2);
});

test("a question is asked again, and it is there once", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.ask("What is my name?");
  await ada.button("Answer again").click();
  await ada.answers.last().and(ada.page.locator("[aria-busy=true]")).waitFor();
  await ada.send.waitFor();
  await ada.page.reload();
  await ada.answers.getByText("Your name is Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(2);
});

test("a question is edited in place: what follows it gives way when the new answer is stored, and not before", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.ask("What is my name?");
  const edit = async (text: string): Promise<void> => {
    await ada.questions.first().hover();
    await ada.questions.first().getByRole("button", { name: "Edit" }).click();
    const field = ada.page.getByRole("textbox", { name: "Edit your message" });
    expect(await field.inputValue()).toBe("My name is Ada");
    await field.fill(text);
    await field.press("Enter");
  };
  // One that is stopped at once is an edit, too; one that is left alone is none.
  await ada.questions.first().hover();
  await ada.questions.first().getByRole("button", { name: "Edit" }).click();
  await ada.page.keyboard.press("Escape");
  await expect.poll(() => ada.page.getByRole("textbox", { name: "Edit your message" }).count()).toBe(0);

  await edit("My name is Grace");
  await ada.answers.getByText("Nice to meet you, Grace").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
  expect(await ada.ask("What is my name?")).toContain("Grace");
  await other.signIn(chat.server.url);
  await other.openConversation("My name is Ada");
  await other.answers.getByText("Nice to meet you, Grace").waitFor();
  expect(await other.questions.allInnerTexts()).toEqual(["My name is Grace", "What is my name?"]);
});

test("what the agent may do only with a permission waits for it, also after a reload, on any device", async () => {
  const [laptop, mobile] = [await chat.open(), await chat.open()];
  await laptop.signIn(chat.server.url);
  await laptop.ask("Remember that I am a vegetarian.");
  await laptop.say("Forget everything");
  const card = (page: ChatPage) => page.page.getByRole("region", { name: "The agent asks for your permission" });
  await card(laptop).getByText("Forget all that it remembers of you").waitFor();
  await card(laptop).getByRole("button", { name: "Refuse" }).click();
  await laptop.answers.getByText("All right, I leave it.").waitFor();
  expect(await laptop.ask("What do you remember?")).toContain("vegetarian");

  await laptop.say("Forget everything");
  await card(laptop).waitFor();
  await mobile.signIn(chat.server.url);
  await mobile.openConversation("Remember that");
  await card(mobile).waitFor();
  await mobile.page.reload();
  await card(mobile).getByRole("button", { name: "Allow" }).click();
  await mobile.answers.locator(".text").getByText("I have forgotten all of it.").waitFor();
  await laptop.answers.locator(".text").getByText("I have forgotten all of it.").waitFor();
  await expect.poll(() => card(laptop).count()).toBe(0);
  await laptop.page.reload();
  await laptop.answers.locator(".text").getByText("I have forgotten all of it.").waitFor();
  expect(await laptop.ask("What do you remember?")).toContain("nothing yet");
});

test("messages that did not arrive are kept, each in its conversation, over a reload", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.begin();
  await ada.ask("What time is it in Oslo?");
  await ada.page.route("**/chat", (route) => route.abort());
  for (const message of ["First for Oslo", "Second for Oslo"]) {
    await ada.say(message);
    await ada.answers.last().getByText("cannot be reached").waitFor();
  }
  await ada.openConversation("My name is Ada");
  await ada.say("What is my name?");
  await ada.tryAgain.waitFor();
  await ada.page.evaluate(`(() => {
    // As if it were an hour later: what was just sent, a page sends again by itself.
    for (const key of Object.keys(localStorage).filter((one) => one.includes(".unsent."))) {
      const kept = JSON.parse(localStorage.getItem(key)).map((one) => ({ ...one, at: one.at - 3_600_000 }));
      localStorage.setItem(key, JSON.stringify(kept));
    }
  })()`);
  await ada.page.reload();
  await ada.answers.getByText("may not have arrived").waitFor();
  await ada.page.unroute("**/chat");
  await ada.tryAgain.click();
  await ada.answers.getByText("Your name is Ada").waitFor();

  await ada.openConversation("What time is it in Oslo?");
  await ada.answers.getByText("may not have arrived").nth(1).waitFor();
  await ada.button("Take it back").first().click();
  await expect.poll(() => ada.field.inputValue()).toBe("First for Oslo");
  await expect.poll(() => ada.tryAgain.count()).toBe(1);
  await ada.tryAgain.click();
  await ada.questions.getByText("Second for Oslo").waitFor();
  await ada.send.waitFor();
  await ada.page.reload();
  await expect.poll(() => ada.questions.count()).toBe(2);
  await expect.poll(() => ada.tryAgain.count()).toBe(0);
});
