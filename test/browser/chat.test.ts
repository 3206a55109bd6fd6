import { readFile } from "node:fs/promises";
import type { Route } from "playwright-core";
import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "12" });

test("an answer arrives word by word, and what the agent used for it can be looked at", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  expect(await ada.answers.getAttribute("aria-busy")).toBe("true");
  await ada.stop.click();
  await ada.send.waitFor();

  expect(await ada.ask("What time is it in Oslo?")).toMatch(/It is \d\d:\d\d/);
  await ada.page.getByText("Looked up the time in Europe/Oslo").click();
  const details = ada.answers.last().locator("pre");
  expect(await details.allInnerTexts()).toEqual(["time_in", "zone: Europe/Oslo", expect.stringMatching(/^\d\d:\d\d$/)]);
  // As it is stored, it is told the same.
  await ada.page.reload();
  await ada.page.getByText("Looked up the time in Europe/Oslo").click();
  expect(await details.allInnerTexts()).toHaveLength(3);
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
  await ada.begin();
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
  await second.begin();

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

test("whoever scrolled up to read is left there, and comes back to the end with a button", async () => {
  const ada = await chat.open({ viewport: { width: 400, height: 400 } });
  await ada.signIn(chat.server.url);
  const scrolled = (what: string) =>
    ada.page.evaluate<number>(
      `(({ scrollHeight, clientHeight, scrollTop }) => ${what})(document.querySelector("#transcript"))`,
    );
  const above = () => scrolled("scrollHeight - clientHeight - scrollTop");
  const toEnd = ada.button("To the end");
  await ada.say("Tell me a long story");
  await ada.answers.getByText("On Tuesday").waitFor();
  await expect.poll(above).toBeLessThan(2);
  expect(await toEnd.isVisible()).toBe(false);
  await ada.page.locator("#transcript").hover();
  await ada.page.mouse.wheel(0, -10_000);
  await toEnd.waitFor();
  await ada.answers.getByText("On Thursday").waitFor();
  expect(await scrolled("scrollTop")).toBe(0);
  await toEnd.click();
  await toEnd.waitFor({ state: "hidden" });
  await ada.field.and(ada.page.locator(":focus")).waitFor();
  // And the end is followed again.
  await ada.answers.getByText("And there they are still").waitFor();
  await ada.send.waitFor();
  await expect.poll(above).toBeLessThan(2);
});

test("an answer goes on to arrive while another conversation is looked at", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.begin();
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await ada.conversation("My name is Ada").click();
  await ada.answers.getByText("Nice to meet you").waitFor();
  await expect.poll(() => ada.page.getByText("Once upon").count()).toBe(0);
  await ada.conversation("Tell me a long story").click();
  await ada.answers.getByText("And there they are still").waitFor();
});

test("a message that did not arrive is sent again under the same key, by itself and when somebody says so", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const keys: (string | undefined)[] = [];
  await ada.page.route("**/chat", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    await (keys.length < 5 ? route.abort() : route.continue());
  });
  await ada.say("My name is Ada");
  await ada.answers.getByText("cannot be reached").waitFor();
  await ada.tryAgain.click();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(keys).toHaveLength(5);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(keys).size).toBe(1);
  await expect.poll(() => ada.questions.count()).toBe(1);
});

test("one question is in the conversation, after any key or button, pressed any number of times", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const often = (selector: string, press: string): Promise<void> =>
    ada.page.evaluate(`(() => {
      const one = document.querySelector(${JSON.stringify(selector)});
      for (let time = 0; time < 3; time++) one.${press}();
    })()`);
  await often(".suggestion", "click");
  await ada.answers.locator(".text").getByText("I will remember").waitFor();
  await ada.send.waitFor();
  await ada.field.fill("My name is Ada");
  await often("#composer", "requestSubmit");
  expect(await ada.field.inputValue()).toBe("");
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await ada.button("Answer again").waitFor();
  await often("[aria-label='Answer again']", "click");
  await ada.button("Answer again").waitFor();
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await ada.questions.count()).toBe(2);
  expect(await ada.answers.count()).toBe(2);
});

test("a message whose answer was lost on its way is stored once, also after a reload", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  let lost = 0;
  await ada.page.route("**/chat", async (route) => {
    if (lost++ >= 3) return route.continue();
    // The service has done all that it should.
    await route.fetch();
    return route.abort();
  });
  await ada.say("My name is Ada");
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
  await ada.page.reload();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(1);
});

test("an answer that is stored before its end has arrived is shown once, first of a conversation or not", async () => {
  const ada = await chat.open();
  await ada.page.addInitScript(`
    const asked = globalThis.fetch;
    globalThis.fetch = async (...request) => {
      const response = await asked(...request);
      if (new URL(response.url).pathname.endsWith("/chat")) await new Promise((resolve) => (globalThis.letGo = resolve));
      return response;
    };
  `);
  await ada.signIn(chat.server.url);
  const isShownOnce = async (question: string, stored: number): Promise<void> => {
    // The page first hears of its question when the answer is stored.
    await ada.page.route("**/messages?*", onlyWith(stored), { times: 1 });
    const heard = ada.page.waitForResponse(/messages\?/);
    await ada.say(question);
    await heard;
    await ada.page.getByRole("heading", { level: 1, name: "Good morning" }).waitFor();
    await ada.questions.getByText("Good morning", { exact: true }).waitFor();
    expect(await ada.questions.getByText(question, { exact: true }).count()).toBe(1);
    expect(await ada.answers.count()).toBe(stored / 2);
    await ada.page.evaluate("globalThis.letGo()");
    await expect.poll(() => ada.answers.and(ada.page.locator('[aria-busy="false"]')).count()).toBe(stored / 2);
  };
  await isShownOnce("Good morning", 2);

  // The earlier messages could not be loaded before the question was sent.
  await ada.page.route("**/messages?*", (route) => route.abort(), { times: 1 });
  await ada.page.reload();
  await ada.button("Try again").waitFor();
  await isShownOnce("Good evening", 4);
});

/** Asks the service again until that many messages are stored. */
function onlyWith(stored: number): (route: Route) => Promise<void> {
  return async (route) => {
    for (;;) {
      const response = await route.fetch();
      const { messages = [] } = (await response.json()) as { messages?: unknown[] };
      if (messages.length >= stored) {
        await route.fulfill({ response });
        return;
      }
    }
  };
}

test("what is sent the moment an answer has ended takes nothing of it from the page", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  // What became of the answer, the page is told late.
  const late = await ada.holdAnswer("**/messages?*");
  await ada.ask("What is my name?");
  await expect.poll(() => late.isHeld).toBe(true);
  await ada.page.evaluate(`globalThis.wasGone = false;
    const look = ([{ target }]) => (wasGone ||= !target.textContent.includes("Your name is Ada"));
    new MutationObserver(look).observe(document.querySelector("#messages"), { childList: true });`);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await late.letGo();
  await ada.answers.getByText("And there they are still").waitFor();
  await ada.send.waitFor();
  expect(await ada.page.evaluate("wasGone")).toBe(false);
  const said = ["My name is Ada", "What is my name?", "Tell me a long story"];
  expect(await ada.questions.allInnerTexts()).toEqual(said);
  await ada.page.reload();
  await ada.answers.nth(2).waitFor();
  expect(await ada.questions.allInnerTexts()).toEqual(said);
});

test("a message that is sent while an answer is being stopped follows it, also when it came to its own end", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me a long story");
  await ada.answers.getByText("On Wednesday").waitFor();
  // The service is told of it too late.
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await ada.page.route("**/answer/stop", async (route) => {
    await held;
    await route.continue();
  });
  await ada.stop.click();
  const next = "Tell me a long story again";
  await ada.say(next);
  expect(await ada.field.inputValue()).toBe(next);
  await ada.answers.first().getByText("And there they are still").waitFor();
  await ada.answers.nth(1).getByText("Once upon").waitFor();
  letGo();
  await ada.answers.nth(1).getByText("And there they are still").waitFor();
  await ada.send.waitFor();
  await expect.poll(() => ada.questions.count()).toBe(2);
  expect(await ada.field.inputValue()).toBe("");
  expect((await ada.answers.allInnerTexts()).join()).not.toContain("stopped");

  // And when it is in time.
  await ada.say("Tell me a long story");
  await ada.answers.last().getByText("Once upon").waitFor();
  await ada.stop.click();
  await ada.say("What is my name?");
  await ada.answers.getByText("You have not told me").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(4);
  await ada.answers.nth(2).getByText("stopped").waitFor();
});

test("an answer that is stopped before its question has arrived is stopped when it does, and the focus comes to the field", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await ada.page.route("**/chat", async (route) => {
    await held;
    await route.continue();
  });
  await ada.say("Tell me a long story");
  const told = ada.page.waitForResponse("**/answer/stop");
  await ada.stop.press("Enter");
  expect(await (await told).json()).toEqual({ stopped: false });
  letGo();
  await ada.send.waitFor();
  await ada.field.and(ada.page.locator(":focus")).waitFor();
  expect(await ada.answers.innerText()).not.toContain("And there they are still");
});

test("an answer that could not be stopped says so, and can be stopped again", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.page.route("**/answer/stop", (route) => route.abort(), { times: 1 });
  await ada.say("Tell me a long story");
  await ada.answers.getByText("Once upon").waitFor();
  await ada.stop.click();
  await ada.page.getByRole("alert").getByText("It could not be stopped.").waitFor();
  await ada.stop.and(ada.page.locator("[aria-disabled=false]")).click();
  await ada.answers.getByText("stopped").waitFor();
});

test("Enter that ends the composition of a word sends nothing, in the field and in an edit", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.button("Answer again").waitFor();
  // As an input method for Japanese does.
  const composed = { key: "Enter", isComposing: true, bubbles: true, cancelable: true };
  const compose = (): Promise<void> =>
    ada.page.evaluate(
      `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", ${JSON.stringify(composed)}))`,
    );
  await ada.field.fill("東京");
  await compose();
  expect(await ada.field.inputValue()).toBe("東京");
  await ada.questions.hover();
  await ada.questions.getByRole("button", { name: "Edit" }).click();
  const edit = ada.page.getByRole("textbox", { name: "Edit your message" });
  await edit.fill("京都");
  await compose();
  expect(await edit.inputValue()).toBe("京都");
});

test("what is taken back does not take the place of what was begun meanwhile, and leaves nothing behind", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const kept = () =>
    ada.page.evaluate<string[]>("Object.keys(localStorage).map((key) => key.split('.').slice(3).join())");
  await ada.page.route("**/chat", (route) => route.abort());
  await ada.say("Never mind");
  await ada.button("Take it back").waitFor();
  await ada.field.fill("Something else");
  await ada.button("Take it back").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await ada.field.inputValue()).toBe("Something else");
  // A conversation that never was has no draft.
  expect(await kept()).toEqual(["draft,new"]);

  await ada.page.unroute("**/chat");
  await ada.ask("My name is Ada");
  await ada.page.route("**/chat", (route) => route.abort());
  await ada.say("Never mind");
  await ada.button("Take it back").waitFor();
  await ada.field.fill("Something else");
  await ada.button("Take it back").click();
  await expect.poll(() => ada.button("Take it back").count()).toBe(0);
  expect(await ada.field.inputValue()).toBe("Something else");
  await ada.deleteConversation("My name is Ada");
  await expect.poll(kept).toEqual([]);
});

test("a message that failed can be taken back", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.page.route("**/chat", (route) => route.abort());
  await ada.say("Never mind");
  await ada.button("Take it back").click();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  expect(await ada.field.inputValue()).toBe("Never mind");
  await expect.poll(() => ada.questions.count()).toBe(0);
  await ada.page.getByText("Nothing yet.").waitFor();
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

test("a title that is being written is left alone by what happens elsewhere meanwhile", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.begin();
  await ada.ask("What time is it in Oslo?");
  await other.signIn(chat.server.url);
  await other.openConversation("My name is Ada");
  await ada.conversation("My name is Ada").hover();
  await ada.button("Rename “My name is Ada”").click();
  const title = ada.page.getByRole("textbox", { name: "Title" });
  await title.fill("Introd");
  const listed = ada.page.waitForResponse((response) => response.url().includes("/conversations?"));
  // It moves up in the list.
  await other.ask("What is my name?");
  await listed;
  await title.pressSequentially("uctions");
  await title.and(ada.page.locator(":focus")).press("Enter");
  await ada.list.getByRole("listitem").first().getByText("Introductions").waitFor();
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
  await ada.begin();

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
  await ada.begin();
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

test("if two conversations are opened at once, the last one is shown, in any order of the replies", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.begin();
  await ada.ask("What time is it in Oslo?");
  await ada.page.reload();
  await ada.answers.getByText("It is").waitFor();

  const late = await ada.holdAnswer("**/messages?*");
  await ada.conversation("My name is Ada").click();
  await expect.poll(() => late.isHeld).toBe(true);
  await ada.openConversation("What time is it in Oslo?");
  await late.letGo();
  // Whatever a late answer changed, it has by the time that a message is answered.
  await ada.ask("What do you remember?");
  expect(await ada.questions.allInnerTexts()).toEqual([
    expect.stringContaining("What time is it in Oslo?"),
    expect.stringContaining("What do you remember?"),
  ]);
});

test("messages that cannot be loaded are asked for again", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.page.route("**/messages?*", (route) => route.fulfill({ status: 503 }));
  await ada.page.reload();
  await ada.page.getByRole("heading", { name: "The messages cannot be shown" }).waitFor();
  await ada.page.unroute("**/messages?*");
  await ada.tryAgain.click();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor();
});

test("what the agent remembers is shown, changed and forgotten", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("Remember that I am a vegetarian.");
  await ada.openPanel();
  const fact = ada.panel.getByRole("textbox", { name: /^Remembered:/ });
  await fact.fill("I am a vegan");
  await ada.panel.getByRole("button", { name: "Save", exact: true }).click();
  await ada.panel.getByRole("textbox", { name: "Remembered: I am a vegan" }).waitFor();
  await ada.panel.getByRole("textbox", { name: "Something to remember" }).fill("I live in Oslo");
  await ada.panel.getByRole("button", { name: "Remember", exact: true }).click();
  await ada.panel.getByRole("textbox", { name: "Remembered: I live in Oslo" }).waitFor();
  await ada.panel.getByRole("button", { name: "Close", exact: true }).click();
  expect(await ada.ask("What do you remember?")).toMatch(/I am a vegan.*I live in Oslo/);

  await ada.openPanel();
  await ada.button("Forget: I am a vegan").click();
  await ada.button("Forget: I live in Oslo").click();
  await ada.panel.getByText("Nothing so far.").waitFor();
  await ada.panel.getByRole("button", { name: "Close", exact: true }).click();
  expect(await ada.ask("What do you remember?")).toContain("nothing yet");
});

test("a change of what is remembered does not undo what the agent learned meanwhile", async () => {
  const [ada, other] = [await chat.open(), await chat.open()];
  await ada.signIn(chat.server.url);
  await ada.ask("Remember that I am a vegetarian.");
  await ada.openPanel();
  await ada.panel.getByRole("textbox", { name: /^Remembered:/ }).fill("I am a vegan");
  const read = await ada.holdAnswer("**/memory/facts");
  await ada.panel.getByRole("button", { name: "Save", exact: true }).click();
  await expect.poll(() => read.isHeld).toBe(true);
  await other.signIn(chat.server.url);
  await other.ask("Remember that I live in Oslo.");
  await read.letGo();
  await ada.panel.getByRole("textbox", { name: "Remembered: I am a vegan" }).waitFor();
  await ada.panel.getByRole("textbox", { name: "Remembered: I live in Oslo" }).waitFor();
  expect(await other.ask("What do you remember?")).toMatch(/I am a vegan.*I live in Oslo/);
});

test("all that is stored of a user can be taken along as a file", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.openPanel();
  const download = ada.page.waitForEvent("download");
  await ada.button("Export it as a file").click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("my-data.ndjson");
  const lines = (await readFile(await file.path(), "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.stringify(JSON.parse(line))).join("\n")).toContain("Nice to meet you, Ada.");
});
