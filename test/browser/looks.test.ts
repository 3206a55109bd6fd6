import { mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "vitest";
import { amount, sampleOf } from "../support/amount.js";
import type { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

// Pictures to be looked at, in the folder screenshots. They are compared with nothing: fonts differ between machines.

const chat = useChat({ MODEL_PACE: "5" });
const folder = path.join(import.meta.dirname, "screenshots");
mkdirSync(folder, { recursive: true });

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const views = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  /** At 200 % of zoom a window has half as many pixels, of twice the size. */
  zoomed: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
} as const;

async function picture({ page }: ChatPage, name: string): Promise<void> {
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

test.each(sampleOf("light", "dark", "zoomed", "phone"))("pictures: %s", async (view) => {
  const titles = [
    ...Array.from({ length: amount(5, 20) }, (_, number) => `Something else, number ${number + 1}`),
    "A title that somebody typed to see what happens when it does not fit into the list",
    "Garden in March",
    "Reading list",
    "Notes for the talk in Oslo",
    "Dinner for six without dairy",
  ];
  await chat.server.seed(
    "ada",
    titles.map((title) => [title]),
  );
  const ada = await chat.open(views[view]);
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Bob/).waitFor();
  await picture(ada, `${view}-1-signing-in`);
  await ada.signInHere();
  await ada.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  await picture(ada, `${view}-2-empty`);

  const ask = async (text: string): Promise<void> => {
    await ada.field.fill(text);
    await ada.send.click();
  };
  await ask("Remember that I am a vegetarian, and that my sister is coming on Friday.");
  await ada.send.waitFor();
  await ask("What time is it in Oslo?");
  await ada.answers
    .last()
    .getByText(/It is \d/)
    .waitFor();
  await ada.send.waitFor();
  await ask("Tell me a long story");
  await ada.answers.last().getByText("On Wednesday").waitFor();
  await picture(ada, `${view}-3-arriving`);
  await ada.stop.click();
  await ada.answers.last().getByText("stopped").waitFor();
  await picture(ada, `${view}-4-stopped`);
  await ask("Show me some markdown");
  await ada.send.waitFor();
  await picture(ada, `${view}-4b-markdown`);
  await ada.answers.last().scrollIntoViewIfNeeded();
  await ada.page.evaluate(`document.querySelector("#transcript").scrollTop -= 900`);
  await picture(ada, `${view}-4c-markdown-above`);
  await ask("مرحبا، كم الساعة الآن؟");
  await ada.send.waitFor();
  await ask("Forget everything");
  await ada.button("Allow").waitFor();
  await picture(ada, `${view}-4d-approval`);
  await ada.questions.nth(-2).hover();
  await ada.questions.nth(-2).getByRole("button", { name: "Edit" }).click();
  await picture(ada, `${view}-4e-editing`);
  await ada.button("Cancel").click();
  await ada.page.route("**/chat", (route) => route.abort());
  await ask("This one does not arrive.");
  await ada.button("Try again").waitFor();
  await picture(ada, `${view}-5-failed`);

  if (view === "phone" || view === "zoomed") {
    await ada.button("Conversations").click();
    await ada.conversation("Remember that").waitFor();
    await picture(ada, `${view}-6-drawer`);
    await ada.button("Close conversations").click();
  } else {
    await ada.list.getByRole("listitem").nth(2).hover();
    await ada.list
      .getByRole("listitem")
      .nth(2)
      .getByRole("button", { name: /^Rename/ })
      .click();
    await picture(ada, `${view}-6-renaming`);
    await ada.page.keyboard.press("Escape");
  }

  const other = await chat.open({ userAgent: firefox });
  await other.signIn(chat.server.url);
  await ada.openPanel();
  await picture(ada, `${view}-7-panel`);
  await ada.button("Erase everything").click();
  await picture(ada, `${view}-8-question`);
  await ada.page.keyboard.press("Escape");
  await ada.panel.getByRole("button", { name: "Close", exact: true }).click();
  await other.openPanel();
  await other.button(/^End Chrome/).click();
  await ada.over.waitFor();
  await picture(ada, `${view}-9-session-ended`);
});

test("pictures: nobody there", async () => {
  const ada = await chat.open();
  await ada.page.route("**/users", (route) => route.abort());
  await ada.page.goto(chat.server.url);
  await ada.button("Try again").waitFor();
  await picture(ada, "away-1-signing-in");
  await ada.page.unroute("**/users");
  await ada.button("Try again").click();
  await ada.signInHere();
  await ada.ask("My name is Ada");
  await chat.server.end("SIGTERM");
  await ada.connection.getByText("Reconnecting…").waitFor();
  await ada.say("Is anybody there?");
  await ada.tryAgain.waitFor();
  await picture(ada, "away-2-reconnecting");
  await chat.server.startAgain();
});
