import { expect, test } from "vitest";
import { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "15" });

test("each conversation has an address: Back, Forward, a reload and a new tab lead to it", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const address = () => new URL(ada.page.url()).pathname;
  expect(address()).toBe("/");
  await ada.ask("My name is Ada");
  const first = address();
  expect(first).toMatch(/^\/c\/[\w-]{22}$/);
  expect(await ada.conversation("My name is Ada").getAttribute("href")).toBe(first);
  await expect.poll(() => ada.page.title()).toBe("My name is Ada · Chat");
  await ada.begin();
  expect(address()).toBe("/");
  expect(await ada.page.title()).toBe("New conversation · Chat");
  await ada.ask("What time is it in Oslo?");
  const second = address();
  expect(second).not.toBe(first);

  await ada.openConversation("My name is Ada");
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await ada.page.goBack();
  await ada.page.getByRole("heading", { level: 1, name: "What time is it in Oslo?" }).waitFor();
  expect(address()).toBe(second);
  await ada.page.goForward();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.conversation("My name is Ada").getAttribute("aria-current")).toBe("page");

  const opened = ada.page.context().waitForEvent("page");
  await ada.conversation("What time is it in Oslo").click({ modifiers: ["ControlOrMeta"] });
  const tab = new ChatPage(await opened);
  await expect.poll(() => new URL(tab.page.url()).pathname).toBe(second);
  // Here, nothing has moved.
  expect(address()).toBe(first);
});

test("an address that leads nowhere says so, with a way out, and Back still works", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  const { pathname } = new URL(ada.page.url());
  await ada.page.goto(`${chat.server.url}/c/AAAAAAAAAAAAAAAAAAAAAA`);
  await ada.page.getByRole("heading", { name: "There is no such conversation" }).waitFor();
  expect(await ada.page.title()).toBe("Not found · Chat");
  expect(await ada.field.count()).toBe(0);
  await ada.page.getByRole("link", { name: "Begin a new one" }).click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.page.goBack();
  await ada.page.getByRole("heading", { name: "There is no such conversation" }).waitFor();
  await ada.page.goto(`${chat.server.url}${pathname}`);
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
});

test("titles are searched, also those that are not shown", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.begin();
  await ada.ask("What time is it in Oslo?");
  const search = ada.page.getByRole("searchbox", { name: "Search the titles" });
  await search.fill("OSLO");
  await expect.poll(() => ada.list.getByRole("listitem").count()).toBe(1);
  await ada.conversation("What time is it in Oslo").waitFor();
  await search.fill("nowhere");
  await ada.list.getByText("No title has “nowhere” in it.").waitFor();
  await search.press("Escape");
  await expect.poll(() => ada.list.getByRole("listitem").count()).toBe(2);
});

test("the first answer of a conversation stands in the list while it is written", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.conversation("Tell me a long story").getByText("The agent is answering").waitFor();
  await ada.begin();
  await ada.conversation("Tell me a long story").getByText("The agent is answering").waitFor();
  await ada.conversation("Tell me a long story").getByText("just now").waitFor();
  await ada.openConversation("Tell me a long story");
  await ada.answers.getByText("And there they are still").waitFor();
});

test("each conversation has a draft of its own", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.field.fill("About Ada");
  await ada.begin();
  expect(await ada.field.inputValue()).toBe("");
  await ada.field.fill("About something new");
  await ada.openConversation("My name is Ada");
  expect(await ada.field.inputValue()).toBe("About Ada");
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.field.inputValue()).toBe("About Ada");
  await ada.begin();
  expect(await ada.field.inputValue()).toBe("About something new");
  await ada.ask("What time is it in Oslo?");
  expect(await ada.field.inputValue()).toBe("");
  await ada.begin();
  expect(await ada.field.inputValue()).toBe("");
});

test("a message ends where the service would refuse it, and a counter says so in time", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.field.fill("a".repeat(18_000));
  await expect.poll(() => ada.page.getByText("characters left").isVisible()).toBe(false);
  await ada.field.fill("a".repeat(19_990));
  await ada.page.getByText("10 characters left").waitFor();
  await ada.field.press("End");
  await ada.page.keyboard.insertText("b".repeat(100));
  await ada.page.getByText("as long as a message can be").waitFor();
  expect(await ada.field.inputValue()).toHaveLength(20_000);
  await ada.send.click();
  await ada.answers.getByText("offline stand-in").waitFor();
  expect(await ada.questions.locator(".text").innerText()).toHaveLength(20_000);
});
