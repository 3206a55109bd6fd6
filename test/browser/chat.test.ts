import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat();

test("an answer arrives word by word, and what the agent used for it can be looked at", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  expect(await ada.answers.getAttribute("aria-busy")).toBe("true");
  await ada.stop.click();

  expect(await ada.ask("What time is it in Oslo?")).toMatch(/It is \d\d:\d\d/);
  const used = ada.page.getByText("Used the tool time_in");
  await used.click();
  expect(await ada.answers.last().locator("pre").innerText()).toMatch(/^\d\d:\d\d$/);
});

test("a reload goes on in the same conversation, with what was written and not sent", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.field.fill("What is my");
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.field.inputValue()).toBe("What is my");
  expect(await ada.ask("What is my name?")).toContain("Ada");
});

test("an earlier conversation is taken up again, and the agent knows what was said in it", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("New conversation").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await ada.ask("What is my name?")).toContain("not told me");

  await ada.conversation("My name is Ada").click();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await ada.page.getByRole("heading", { level: 1, name: "My name is Ada" }).waitFor();
  expect(await ada.ask("What is my name?")).toContain("Ada");
  await expect.poll(() => ada.questions.count()).toBe(2);
});

test("two tabs that share a session each keep to the conversation that they show", async () => {
  const first = await chat.open();
  await first.signIn(chat.server.url);
  await first.ask("My name is Ada");
  const second = await first.duplicate();
  await second.answers.getByText("Nice to meet you, Ada").waitFor();
  await second.button("New conversation").click();
  await second.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();

  expect(await first.ask("What is my name?")).toContain("Ada");
  expect(await second.ask("What is my name?")).toContain("not told me");
  await first.page.reload();
  await first.answers.nth(1).waitFor();
  expect(await first.questions.allInnerTexts()).toEqual([
    expect.stringContaining("My name is Ada"),
    expect.stringContaining("What is my name?"),
  ]);
  expect(second.faults).toEqual([]);
});

test("another user sees nothing of it", async () => {
  const [ada, bob] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await bob.signIn(chat.server.url, "Bob");
  await bob.page.getByText("Nothing yet.").waitFor();
  expect(await bob.ask("What is my name?")).not.toContain("Ada");
});

test("a stopped answer stays as far as it came, is marked, and the conversation goes on", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("On Monday").waitFor();
  await ada.stop.click();
  await ada.answers.getByText("stopped").waitFor();
  const partial = await ada.answers.locator(".text").innerText();
  expect(partial).not.toContain("And there they are still");

  expect(await ada.ask("My name is Ada")).toContain("Nice to meet you");
  await ada.page.reload();
  await ada.answers.nth(1).waitFor();
  await ada.answers.first().getByText("stopped").waitFor();
  const stored = await ada.answers.first().locator(".text").innerText();
  expect(stored).toContain("On Monday");
  expect(stored).not.toContain("And there they are still");
});

test("an answer goes on to arrive while another conversation is looked at", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("New conversation").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await ada.conversation("My name is Ada").click();
  await ada.answers.getByText("Nice to meet you").waitFor();
  await expect.poll(() => ada.page.getByText("Once upon").count()).toBe(0);
  await ada.conversation("Tell me a long story").click();
  await ada.answers.getByText("And there they are still").waitFor();
});

test("a message that did not arrive is sent again under the same key", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const keys: (string | undefined)[] = [];
  await ada.page.route("**/chat", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    await (keys.length === 1 ? route.abort() : route.continue());
  });
  await ada.say("My name is Ada");
  await ada.answers.getByText("cannot be reached").waitFor();
  await ada.button("Try again").click();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
  await expect.poll(() => ada.questions.count()).toBe(1);
});

test("a message whose answer was lost on its way is stored once, also after a reload", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  let lost = 0;
  await ada.page.route("**/chat", async (route) => {
    if (lost > 0) return route.continue();
    lost++;
    // The service has done all that it should.
    await route.fetch();
    return route.abort();
  });
  await ada.say("My name is Ada");
  await ada.button("Try again").waitFor();
  await ada.page.reload();
  await ada.answers.getByText("may not have arrived").waitFor();
  await ada.button("Try again").click();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
});

test("a message that failed can be taken back", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.page.route("**/chat", (route) => route.abort());
  await ada.say("Never mind");
  await ada.button("Take it back").click();
  expect(await ada.field.inputValue()).toBe("Never mind");
  await expect.poll(() => ada.questions.count()).toBe(0);
});

test("a conversation is renamed in place and deleted after a question", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.conversation("My name is Ada").hover();
  await ada.button("Rename “My name is Ada”").click();
  await ada.page.getByRole("textbox", { name: "Title" }).fill("Introductions");
  await ada.button("Save title").click();
  await ada.conversation("Introductions").waitFor();
  await ada.page.reload();
  await ada.page.getByRole("heading", { level: 1, name: "Introductions" }).waitFor();

  await ada.conversation("Introductions").hover();
  await ada.button("Delete “Introductions”").click();
  const question = ada.page.getByRole("dialog", { name: "Delete this conversation?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await ada.conversation("Introductions").hover();
  await ada.button("Delete “Introductions”").click();
  await question.getByRole("button", { name: "Delete" }).click();
  await ada.page.getByText("Nothing yet.").waitFor();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await ada.ask("What is my name?")).toContain("not told me");
});

test("a question that is asked again at once is answered by its own answer", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.conversation("My name is Ada").waitFor();
  // The browser tells of the first one's end when the second one is open.
  await ada.page.evaluate(`(() => {
    const ask = () => document.querySelector("#conversation-list .delete").click();
    ask();
    document.querySelector("#confirmation").close("no");
    ask();
  })()`);
  await ada.button("Delete").and(ada.page.locator("dialog button")).click();
  await ada.page.getByText("Nothing yet.").waitFor();
});

test("a deleted conversation does not come back with a list that was asked for before", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("New conversation").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();

  const list = await ada.holdAnswer("**/conversations?*"); // After the turn.
  await ada.ask("What is my name?");
  await expect.poll(() => list.isHeld).toBe(true);
  await ada.deleteConversation("My name is Ada");
  await list.letGo();
  await ada.conversation("What is my name").waitFor();
  await expect.poll(() => ada.conversation("My name is Ada").count()).toBe(0);
});

test("a deleted conversation does not come back with the answer to its renaming", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("New conversation").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.conversation("My name is Ada").hover();
  await ada.button("Rename “My name is Ada”").click();
  await ada.page.getByRole("textbox", { name: "Title" }).fill("Introductions");
  const renaming = await ada.holdAnswer("**/conversations/*");
  await ada.button("Save title").click();
  await expect.poll(() => renaming.isHeld).toBe(true);
  // The list after the turn has the new title already.
  await ada.ask("What time is it in Oslo?");
  await ada.deleteConversation("Introductions");
  await renaming.letGo();
  await ada.page.getByText("Renamed to Introductions.").waitFor({ state: "attached" });
  await expect.poll(() => ada.conversation("Introductions").count()).toBe(0);
});

test("of conversations that are opened at once the last one is shown, whichever answer comes last", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("New conversation").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.ask("What time is it in Oslo?");
  const open = async (title: string): Promise<void> => {
    await ada.conversation(title).click();
    await ada.page.getByRole("heading", { level: 1, name: title }).waitFor();
  };
  /** Whatever a late answer changed, it has by the time that a message is answered. */
  const isOpen = async (questions: string[]): Promise<void> => {
    await expect.poll(() => ada.questions.count()).toBe(questions.length - 1);
    await ada.ask(questions.at(-1) ?? "");
    expect(await ada.questions.allInnerTexts()).toEqual(questions.map((one) => expect.stringContaining(one)));
  };

  const toNew = await ada.holdAnswer("**/sessions/conversation");
  await ada.button("New conversation").click();
  await expect.poll(() => toNew.isHeld).toBe(true);
  await open("My name is Ada");
  await toNew.letGo();
  await isOpen(["My name is Ada", "What is my name?"]);

  const away = await ada.holdAnswer("**/sessions/conversation");
  await ada.conversation("What time is it in Oslo").click();
  await expect.poll(() => away.isHeld).toBe(true);
  await open("My name is Ada");
  await away.letGo();
  await isOpen(["My name is Ada", "What is my name?", "What do you remember?"]);

  const toAnother = await ada.holdAnswer("**/sessions/conversation");
  await ada.conversation("What time is it in Oslo").click();
  await expect.poll(() => toAnother.isHeld).toBe(true);
  await ada.deleteConversation("My name is Ada");
  await toAnother.letGo();
  await isOpen(["What time is it in Oslo?", "What is my name?"]);
});

test("that a conversation could not be opened is no news once another one is", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  const failing = await ada.holdAnswer("**/sessions/conversation", { status: 503 });
  await ada.button("New conversation").click();
  await expect.poll(() => failing.isHeld).toBe(true);
  await ada.conversation("My name is Ada").click();
  await failing.letGo();
  await ada.ask("What is my name?");
  await expect.poll(() => ada.page.getByText("cannot be opened").count()).toBe(0);
});

test("what the agent remembers is shown, changed and forgotten", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Remember that I am a vegetarian.");
  await ada.openPanel();
  const fact = ada.panel.getByRole("textbox", { name: /^Remembered:/ });
  await fact.fill("I am a vegan");
  await ada.panel.getByRole("button", { name: "Save" }).click();
  await ada.panel.getByRole("textbox", { name: "Remembered: I am a vegan" }).waitFor();
  await ada.panel.getByRole("textbox", { name: "Something to remember" }).fill("I live in Oslo");
  await ada.panel.getByRole("button", { name: "Remember", exact: true }).click();
  await ada.panel.getByRole("textbox", { name: "Remembered: I live in Oslo" }).waitFor();
  await ada.button("Close your session").click();
  expect(await ada.ask("What do you remember?")).toMatch(/I am a vegan.*I live in Oslo/);

  await ada.openPanel();
  await ada.button("Forget: I am a vegan").click();
  await ada.button("Forget: I live in Oslo").click();
  await ada.panel.getByText("Nothing so far.").waitFor();
  await ada.button("Close your session").click();
  expect(await ada.ask("What do you remember?")).toContain("nothing yet");
});
