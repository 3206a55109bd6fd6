import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "1" });
const markup = `<img src="x" onerror="globalThis.taken = true"><script>globalThis.taken = true</script><b>bold</b>`;

// The policy of the page would complain of a handler that it held back: that is a fault, too.
test("markup in messages, titles, what is remembered and the name of a device is text", async () => {
  const ada = await chat.open({ userAgent: markup });
  await ada.signIn(chat.server.url);
  await ada.ask(`Remember that ${markup}`);
  await ada.ask(markup);
  await ada.questions.getByText(markup, { exact: true }).waitFor();
  await ada.answers.first().getByText("Made a note").click();
  expect(await ada.answers.first().locator("pre").last().innerText()).toContain(markup);

  await ada.list.getByRole("listitem").hover();
  await ada.button(/^Rename/).click();
  await ada.page.getByRole("textbox", { name: "Title" }).fill(markup);
  await ada.page.keyboard.press("Enter");
  await ada.page.getByRole("heading", { level: 1, name: markup }).waitFor();
  await ada.list.getByText(markup).waitFor();
  await ada.button(/^Delete/).click();
  await ada.page.getByRole("dialog").getByText(markup).waitFor();
  await ada.page.keyboard.press("Escape");

  await ada.page.reload();
  await ada.questions.getByText(markup, { exact: true }).waitFor();
  await ada.openPanel();
  await ada.panel.getByText("<img src=").first().waitFor();
  expect(await ada.panel.getByRole("textbox", { name: /^Remembered:/ }).inputValue()).toContain(markup);

  expect(await ada.page.evaluate("globalThis.taken")).toBeUndefined();
  expect(await ada.page.evaluate("document.querySelectorAll('body img, body script, body b').length")).toBe(0);
});

test("a text without an end to it wraps, and bidirectional controls stay where they are", async () => {
  const ada = await chat.open({ viewport: { width: 360, height: 740 } });
  await ada.signIn(chat.server.url);
  await ada.ask(`${"A".repeat(2_000)} \u202egnisrever`);
  await ada.ask("\u{1F469}\u200D\u{1F4BB} \u05E9\u05DC\u05D5\u05DD e\u0301");
  expect(await ada.page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  expect(await ada.page.evaluate("document.querySelector('#transcript').scrollWidth <= 360")).toBe(true);
});

test("the page is content with its policy, and asks nobody else", async () => {
  const ada = await chat.open();
  const others: string[] = [];
  ada.page.on("request", (request) => {
    if (!request.url().startsWith(chat.server.url)) others.push(request.url());
  });
  const response = await ada.page.goto(chat.server.url);
  expect(response?.headers()["content-security-policy"]).toContain("default-src 'none'");
  expect(response?.headers()["content-security-policy"]).not.toContain("unsafe");
  await ada.signInHere();
  await ada.ask("What time is it in Oslo?");
  await ada.openPanel();
  expect(others).toEqual([]);
});
