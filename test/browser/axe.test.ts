import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { sampleOf } from "../support/amount.js";
import type { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

// The rules of axe-core, on each state of the page. It is put in past the page's policy, which forbids such a thing.

const chat = useChat({ MODEL_PACE: "5" });
const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

async function findings({ page }: ChatPage): Promise<string[]> {
  if (await page.evaluate("globalThis.axe === undefined")) await page.evaluate(axe);
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).slice(0, 3).join(" ")))`);
}

const views = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
} as const;

test.each(sampleOf("phone", "light", "dark"))("axe finds nothing serious: %s", async (view) => {
  const ada = await chat.open({ ...views[view], bypassCSP: true });
  const finds = async (state: string) => expect(await findings(ada), state).toEqual([]);
  await ada.page.goto(chat.server.url);
  await ada.button(/Sign in as Bob/).waitFor();
  await finds("signing in");
  await ada.signInHere();
  await finds("empty");
  const ask = async (text: string): Promise<void> => {
    await ada.field.fill(text);
    await ada.send.click();
    await ada.stop.waitFor({ state: "hidden" });
  };
  await ask("Show me some markdown");
  await ask("What time is it in Oslo?");
  await ada.page.getByText("Looked up the time").click();
  await ask("Forget everything");
  await ada.button("Allow").waitFor();
  await finds("a conversation");
  await ada.questions.first().hover();
  await ada.questions.first().getByRole("button", { name: "Edit" }).click();
  await finds("a question that is edited");
  if (view === "phone") {
    await ada.button("Conversations").tap();
    await finds("the drawer");
    await ada.button("Close conversations").tap();
  }
  await ada.openPanel();
  await finds("the panel");
  await ada.button("Erase everything").click();
  await finds("a question");
  await ada.page.keyboard.press("Escape");
  await ada.page.keyboard.press("Escape");
  await ada.page.goto(`${chat.server.url}/c/AAAAAAAAAAAAAAAAAAAAAA`);
  await ada.page.getByRole("heading", { name: "There is no such conversation" }).waitFor();
  await finds("nowhere");
});
