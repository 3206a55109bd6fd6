import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({
  IDLE_TIMEOUT: "8s",
  TURN_TIMEOUT: "7s",
  LIFETIME: "1h",
  SIGN_IN_LIFETIME: "3s",
  MAX_AUTHENTICATION_AGE: "3s",
});
const short = useChat({ IDLE_TIMEOUT: "6s", TURN_TIMEOUT: "2s", LIFETIME: "6s" });

test("the timeouts count down, a session can be kept, and one that expires says so", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.openPanel();
  const idle = ada.panel.getByRole("timer").first();
  await expect.poll(() => idle.innerText(), { timeout: 5_000 }).toMatch(/^[1-6] s$/);
  expect(await ada.panel.getByRole("timer").last().innerText()).toMatch(/^59 min \d+ s$/);

  await ada.page.getByRole("alert").getByText("You will be signed out soon").waitFor();
  await ada.button("Stay signed in").click();
  await expect.poll(() => idle.innerText(), { interval: 20 }).toMatch(/^[78] s$/);

  await ada.over.getByText("Nothing happened here for a while").waitFor();
  await ada.button("Sign in again").click();
  await ada.signInHere();
});

test("the session outlives the JWT: the page renews it, and nobody notices", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const renewed = (): Promise<number> =>
    ada.page.waitForResponse((response) => response.url().endsWith("/sign-in/renew")).then((answer) => answer.status());
  for (const message of ["My name is Ada", "What is my name?"]) {
    // A JWT that ran out: signed longer ago than it is good for.
    await expect.poll(async () => (await ada.jwtEndsAt()) - Date.now()).toBeLessThan(0);
    const renewal = renewed();
    expect(await ada.ask(message)).toContain("Ada");
    expect(await renewal).toBe(200);
  }
  await expect.poll(async () => (await ada.jwtEndsAt()) - Date.now()).toBeLessThan(0);
  await ada.page.reload();
  await ada.answers.getByText("Your name is Ada").waitFor();
  await expect.poll(() => ada.over.count()).toBe(0);
});

test("requests that meet the same JWT renew it once, also when one of them hears of it late", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  let renewals = 0;
  ada.page.on("request", (request) => (renewals += request.url().endsWith("/sign-in/renew") ? 1 : 0));
  // The panel asks for the sessions and for the memory at once. What the service says of the memory arrives last: when
  // the sessions are asked for again, after the renewal.
  const asked = ada.page.waitForRequest((request) => renewals > 0 && request.url().endsWith("/sessions"));
  const statuses: number[] = [];
  await ada.page.route("**/memory/facts", async (route) => {
    const response = await route.fetch();
    statuses.push(response.status());
    if (response.status() === 401) await asked;
    await route.fulfill({ response });
  });
  await expect.poll(async () => (await ada.jwtEndsAt()) - Date.now()).toBeLessThan(0);
  await ada.openPanel();
  await ada.panel.getByText("Nothing so far.").waitFor();
  // 404: nothing is remembered so far.
  expect(statuses).toEqual([401, 404]);
  expect(renewals).toBe(1);
});

test("what one tab does keeps the session alive in the others, and they do not warn", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  const other = await ada.duplicate();
  const idle = ada.panel.getByRole("timer").first();
  await ada.openPanel();
  await expect.poll(() => idle.innerText()).toMatch(/^[1-5] s$/);
  await other.ask("My name is Ada");
  await expect.poll(() => idle.innerText(), { interval: 20 }).toMatch(/^[78] s$/);
});

test("a session whose end nobody announced is found to be over", async () => {
  const ada = await chat.open();
  await ada.page.route("**/session/events", (route) => route.abort());
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Ada/).click();
  await ada.field.waitFor();
  await ada.over.getByText("Nothing happened here for a while").waitFor();
});

test("a session that reaches its longest time says so before and after, and offers no way to keep it", async () => {
  const ada = await short.open();
  await ada.signIn(short.server.url);
  await ada.page.getByRole("alert").getByText("This session is about to reach its longest time").waitFor();
  expect(await ada.button("Stay signed in").count()).toBe(0);
  await ada.over.getByText("Your session reached its longest time").waitFor();
});

test("what cannot be undone takes a recent sign-in, and without one nothing happens", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.ask("My name is Ada");
  // The sign-in is as old by then as the JWT gets.
  await expect.poll(async () => (await ada.jwtEndsAt()) - Date.now()).toBeLessThan(0);
  const erase = async (): Promise<void> => {
    await ada.button("Erase everything").click();
    const question = ada.page.getByRole("dialog", { name: "Erase everything?" });
    await question.getByRole("button", { name: "Erase everything" }).click();
  };
  const isItYou = ada.page.getByRole("dialog", { name: "Is it you?" });
  await ada.openPanel();
  await erase();
  await isItYou.getByRole("button", { name: "Cancel" }).click();
  await ada.page.getByRole("alert").getByText("This takes a recent sign-in.").waitFor();
  await ada.answers.getByText("Nice to meet you, Ada").waitFor({ state: "attached" });
  await erase();
  await isItYou.getByRole("button", { name: "Sign in again" }).click();
  await ada.page.getByText("Everything about you was erased.").waitFor();
});
