import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "12" });
const firefox = { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const phone = {
  userAgent:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
};

test("a session that is ended in another browser says so within a second, and the conversation goes on after", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  let asked = 0;
  laptop.page.on("request", (request) => (asked += request.url().endsWith("/session/events") ? 1 : 0));
  await laptop.signIn(chat.server.url);
  await laptop.ask("My name is Ada");
  await mobile.signIn(chat.server.url);
  await mobile.openPanel();
  await mobile.device("Safari on iPhone").waitFor();
  const told = laptop.over.waitFor().then(() => Date.now());
  const ended = mobile.page.waitForResponse((response) => response.request().method() === "DELETE");
  await mobile.button(/^End Firefox on Linux, (127\.0\.0\.1|::1)$/).click();
  await ended;
  const since = Date.now();
  expect((await told) - since).toBeLessThan(1_000);
  // It was told, and did not find out by asking again.
  expect(asked).toBe(1);
  expect(await laptop.over.innerText()).toContain("ended from another place");
  await mobile.device("Firefox on Linux").waitFor({ state: "detached" });

  // There is no way around it.
  await laptop.page.keyboard.press("Escape");
  await laptop.page.keyboard.press("Escape");
  await laptop.over.waitFor();
  await laptop.over.getByRole("button", { name: "Sign in again" }).click();
  await laptop.signInHere();
  await laptop.answers.getByText("Nice to meet you, Ada").waitFor();
  expect(await laptop.ask("What is my name?")).toContain("Ada");
});

test("an answer that is being given stops when its session ends", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  await laptop.signIn(chat.server.url);
  await mobile.signIn(chat.server.url);
  await laptop.say("Tell me a long story");
  await laptop.answers.getByText("Once upon").waitFor();
  await laptop.field.fill("A draft");
  await mobile.openPanel();
  await mobile.button(/^End Firefox/).click();
  await laptop.over.waitFor();
  await expect.poll(() => laptop.answers.getAttribute("aria-busy")).toBe("false");
  expect(await laptop.answers.locator(".text").innerText()).not.toContain("And there they are still");

  // Of a session that has ended nothing is stored any more; the message is not lost for that.
  await laptop.over.getByRole("button", { name: "Sign in again" }).click();
  await laptop.signInHere("Bob");
  await laptop.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await expect.poll(() => laptop.button("Try again").count()).toBe(0);
  // Nor does anything that was written stay on the machine.
  expect(await laptop.page.evaluate("JSON.stringify({ ...localStorage })")).toBe("{}");
});

test("a message that was being answered when the session ended can be sent again by the same user", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  await laptop.signIn(chat.server.url);
  await laptop.ask("My name is Ada");
  await mobile.signIn(chat.server.url);
  await mobile.openPanel();
  await laptop.say("Tell me a long story");
  await laptop.answers.getByText("Once upon").waitFor();
  await laptop.field.fill("And then");
  await mobile.button(/^End Firefox/).click();
  await laptop.over.getByRole("button", { name: "Sign in again" }).click();
  await laptop.signInHere();
  expect(await laptop.field.inputValue()).toBe("And then");
  await laptop.button("Try again").click();
  await laptop.answers.getByText("And there they are still").waitFor({ timeout: 40_000 });
  await expect.poll(() => laptop.questions.count()).toBe(2);
});

test("all others are ended at once, after a question", async () => {
  const [laptop, mobile, other] = [await chat.open(firefox), await chat.open(phone), await chat.open()];
  for (const one of [laptop, mobile, other]) await one.signIn(chat.server.url);
  await mobile.openPanel();
  await expect.poll(() => mobile.panel.getByRole("button", { name: /^End (Firefox|Chrome)/ }).count()).toBe(2);
  await mobile.button("End all others").click();
  await mobile.page
    .getByRole("dialog", { name: "End all others?" })
    .getByRole("button", { name: "End all others" })
    .click();
  await Promise.all([laptop.over.waitFor(), other.over.waitFor()]);
  await mobile.device("Firefox on Linux").waitFor({ state: "detached" });
  await expect.poll(() => mobile.panel.getByText("this browser").count()).toBe(1);
  await expect.poll(() => mobile.button("End all others").count()).toBe(0);
});

test("the sixth session evicts the first, which is told why", async () => {
  const first = await chat.open();
  await first.signIn(chat.server.url);
  for (let number = 2; number <= 5; number++) await chat.server.signInElsewhere("ada");
  await expect.poll(() => first.over.count()).toBe(0);
  const sixth = await chat.open();
  await sixth.signIn(chat.server.url);
  await first.over.getByText("You signed in somewhere else").waitFor({ timeout: 1_000 });
  await sixth.page.getByText("the oldest sign-in was ended").waitFor();
});

test("a reload of a page whose session has ended says so too", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  await laptop.signIn(chat.server.url);
  await laptop.page.evaluate("globalThis.stop()");
  await mobile.signIn(chat.server.url);
  await mobile.openPanel();
  await mobile.button(/^End Firefox/).click();
  await mobile.device("Firefox on Linux").waitFor({ state: "detached" });
  await laptop.page.reload();
  await laptop.page.getByRole("status").getByText("ended from another place").waitFor();
  await laptop.signInHere();
});

test("credentials that are no longer good lead to signing in again, and to where one was", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  await ada.page.context().clearCookies({ name: "__Host-sign-in" });
  await ada.say("What is my name?");
  await ada.over.getByText("Your session is over").waitFor();
  await ada.over.getByRole("button", { name: "Sign in again" }).click();
  await ada.signInHere();
  // It was on its way a moment ago: the page sends it by itself.
  await ada.answers.getByText("Your name is Ada").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(2);
});

test("signing out ends the session on the server, and no news of it appears", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  await mobile.signIn(chat.server.url);
  await laptop.signIn(chat.server.url);
  await laptop.field.fill("A draft");
  expect(await laptop.page.evaluate("JSON.stringify({ ...localStorage })")).toContain("A draft");
  await laptop.button("Sign out").click();
  await laptop.page.getByText("You are signed out.").waitFor();
  expect(await laptop.page.evaluate("JSON.stringify({ ...localStorage })")).toBe("{}");
  await expect.poll(() => laptop.over.count()).toBe(0);
  expect(await laptop.page.context().cookies()).toEqual([]);
  await mobile.openPanel();
  await expect.poll(() => mobile.panel.getByRole("button", { name: /^End / }).count()).toBe(0);
});

test("after a sign-out or an erasure, the next user finds nothing of the one before in the tab", async () => {
  const tab = await chat.open(firefox);
  const kept = () => tab.page.evaluate<string>("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])");
  const here = () => new URL(tab.page.url()).pathname;
  await tab.signIn(chat.server.url);
  await tab.ask("My name is Ada");
  await tab.field.fill("A draft");
  expect(here()).not.toBe("/");
  await tab.button("Sign out").click();
  await tab.page.getByText("You are signed out.").waitFor();
  expect(await kept()).toBe("[{},{}]");
  expect(here()).toBe("/");

  await tab.signInHere();
  await tab.openConversation("My name is Ada");
  await tab.field.fill("Another draft");
  await tab.openPanel();
  await tab.button("Erase everything").click();
  const question = tab.page.getByRole("dialog", { name: "Erase everything?" });
  await question.getByRole("button", { name: "Erase everything" }).click();
  await tab.page.getByText("Everything about you was erased.").waitFor();
  expect(await kept()).toBe("[{},{}]");
  expect(here()).toBe("/");
  // It is said once.
  await tab.page.reload();
  await tab.button(/Sign in as Bob/).waitFor();
  await expect.poll(() => tab.page.getByText("Everything about you was erased.").count()).toBe(0);
});

test("a sign-out that does not arrive says so, and the page goes on", async () => {
  const ada = await chat.open(firefox);
  await ada.signIn(chat.server.url);
  await ada.field.fill("A draft");
  await ada.page.route("**/sign-out", (route) => route.abort());
  await ada.button("Sign out").click();
  await ada.page.getByRole("alert").getByText("You are still signed in.").waitFor();
  expect(await ada.field.inputValue()).toBe("A draft");
  expect(await ada.ask("My name is Ada")).toContain("Nice to meet you, Ada");
  // And it is told of the end of its session as before.
  const other = await chat.open(phone);
  await other.signIn(chat.server.url);
  await other.openPanel();
  await other.button(/^End Firefox/).click();
  await ada.over.getByText("ended from another place").waitFor();
});

test("a user who presses twice to sign in is signed in once", async () => {
  const ada = await chat.open(firefox);
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Ada/).waitFor();
  const begun: string[] = [];
  ada.page.on("request", (request) => {
    if (request.method() === "POST") begun.push(new URL(request.url()).pathname);
  });
  await ada.page.evaluate(`(() => {
    const [one, other] = document.querySelectorAll("#users button");
    for (const button of [one, one, other]) button.click();
  })()`);
  await ada.field.waitFor();
  await ada.ask("My name is Ada");
  expect(begun).toEqual(["/sign-in", "/sessions", "/agents/assistant/chat"]);
  await ada.page.locator("#user-name").getByText("Ada").waitFor();
});

test("everything is erased after a question, everywhere", async () => {
  const [laptop, mobile] = [await chat.open(firefox), await chat.open(phone)];
  await laptop.signIn(chat.server.url);
  await laptop.ask("My name is Ada");
  await mobile.signIn(chat.server.url);
  await mobile.openPanel();
  await mobile.button("Erase everything").click();
  const question = mobile.page.getByRole("dialog", { name: "Erase everything?" });
  await question.getByRole("button", { name: "Erase everything" }).click();
  await mobile.page.getByText("Everything about you was erased.").waitFor();
  await laptop.over.waitFor();
  await mobile.signInHere();
  await mobile.page.getByText("Nothing yet.").waitFor();
});

test("no script can read what signs the user in: not in cookies, not in any storage", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  const cookies = await ada.page.context().cookies();
  expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual(
    ["__Host-sign-in", "__Host-session"].map((name) => ({ name, httpOnly: true, secure: true, sameSite: "Strict" })),
  );
  const readable = await ada.page.evaluate(`JSON.stringify([
    document.cookie, { ...localStorage }, { ...sessionStorage }, performance.getEntries().map((entry) => entry.name),
  ])`);
  for (const { value } of cookies) expect(readable).not.toContain(value.slice(-20));
});

test("a second tab is signed in at once, and the browser is one place among those where the user is signed in", async () => {
  const first = await chat.open(firefox);
  await first.signIn(chat.server.url);
  await first.ask("My name is Ada");
  const second = await first.duplicate();
  expect(await second.ask("What is my name?")).toContain("Ada");
  await second.openPanel();
  await expect.poll(() => second.panel.getByRole("listitem").filter({ hasText: "signed in" }).count()).toBe(1);
});

test("signing in in one tab signs in the other tab, and signing out signs it out and says why", async () => {
  const first = await chat.open(firefox);
  await first.page.goto(chat.server.url);
  await first.button(/Sign in as Ada/).waitFor();
  const second = await first.beside();
  await second.button(/Sign in as Ada/).waitFor();
  await second.signInHere();
  await first.field.waitFor();
  await expect.poll(() => first.connection.getAttribute("data-state")).toBe("connected");
  await second.button("Sign out").click();
  await first.over.getByText("You signed out in another tab").waitFor();
  await second.page.getByText("You are signed out.").waitFor();
  await first.button("Sign in again").click();
  await first.signInHere("Bob");
});

test("a tab that still shows one user does nothing as another user who signed in in another tab", async () => {
  const ada = await chat.open(firefox);
  // It is not told that its session ended: it has to notice by itself.
  await ada.page.route("**/session/events", (route) => route.abort());
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Ada/).click();
  await ada.ask("My name is Ada");
  const bob = await ada.beside();
  const begun = await bob.page.evaluate(`(async () => {
    const post = (path, body) => fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    await post("/sign-in", { user: "bob", cookie: true });
    return (await post("/sessions", { agentId: "assistant" })).status;
  })()`);
  expect(begun).toBe(201);
  await ada.say("I like tea");
  await ada.over.getByText("Bob Kahn is signed in in this browser now").waitFor();
  expect(await ada.questions.last().innerText()).toContain("I like tea");
  await ada.button("Go on as Bob Kahn").click();
  await ada.page.locator("#user-name").getByText("Bob Kahn").waitFor();
  // Nothing of it is Bob's, nor is what Ada had not sent yet.
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await ada.page.getByText("Nothing yet. What you talk about").waitFor();
  await expect.poll(() => ada.button("Try again").count()).toBe(0);
});

test("places that look alike are told apart, by number and by when the user signed in there", async () => {
  const [one, two] = [await chat.open(firefox), await chat.open(firefox)];
  await one.signIn(chat.server.url);
  await two.signIn(chat.server.url);
  await two.openPanel();
  await two.device("Firefox on Linux (2)").filter({ hasText: "this browser" }).waitFor();
  await two.device("Firefox on Linux (1)").getByText("signed in").waitFor();
  await two.button(/^End Firefox on Linux \(1\), /).click();
  await one.over.waitFor();
});
