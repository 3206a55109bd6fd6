import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ IDLE_TIMEOUT: "8s", LIFETIME: "1h" });

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

  await ada.over.getByText("Your session has expired").waitFor();
  await ada.button("Sign in again").click();
  await ada.signInHere();
});
