import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "12" });

test("a restart of the server loses nothing, and the page goes on by itself", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.ask("Remember that I am a vegetarian.");

  await chat.server.end("SIGTERM");
  await ada.connection.getByText("Reconnecting…").waitFor();
  await ada.say("What is my name?");
  await ada.button("Try again").waitFor();
  await chat.server.startAgain();
  await ada.connection.getByText("Reconnecting…").waitFor({ state: "detached" });

  await ada.button("Try again").click();
  await ada.answers.getByText("Your name is Ada").waitFor();
  await ada.send.waitFor();
  await ada.page.reload();
  await ada.answers.getByText("Your name is Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(3);
  expect(await ada.ask("What do you remember?")).toContain("vegetarian");

  // And it is told of its end again.
  const other = await chat.open();
  await other.signIn(chat.server.url);
  await other.openPanel();
  await other.button("End all others").click();
  await other.page
    .getByRole("dialog", { name: "End all others?" })
    .getByRole("button", { name: "End all others" })
    .click();
  await ada.over.waitFor();
});

test("a page that is reloaded while the server is away waits for it", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  // The files come from the service too; those the browser has.
  await ada.page.route("**/session", (route) => route.abort());
  await ada.page.reload();
  await ada.connection.getByText("Reconnecting…").waitFor();
  await ada.page.unroute("**/session");
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await ada.connection.getByText("Reconnecting…").waitFor({ state: "detached" });
});

test("an answer that the server died over is asked for again, and is there once", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await chat.server.end("SIGKILL");
  await ada.answers.last().getByText("Reconnecting…").waitFor();
  await chat.server.startAgain();
  await ada.tryAgain.click();
  await ada.answers.getByText("And there they are still").waitFor({ timeout: 40_000 });
  await ada.send.waitFor();
  await ada.page.reload();
  await ada.answers.getByText("And there they are still").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(2);
});

test("what the server died over can be taken back for good, also the first message of a conversation", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await chat.server.end("SIGKILL");
  await chat.server.startAgain();
  await ada.answers.getByText("The answer broke off.").waitFor();
  await ada.button("Take it back").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await ada.field.inputValue()).toBe("Tell me a long story");
  expect(new URL(ada.page.url()).pathname).toBe("/");
  await other.signIn(chat.server.url);
  await other.page.getByText("Nothing yet.").waitFor();
  expect(await ada.ask("My name is Ada")).toContain("Nice to meet you");
});
