import { afterAll, expect, test } from "vitest";
import { startModelProvider } from "./support/model-provider.js";
import { useChat } from "./support/suite.js";

const provider = await startModelProvider();
afterAll(() => provider.close());
const chat = useChat({ OPENAI_API_KEY: "a key of the test", OPENAI_BASE_URL: provider.url });

/** About 1 kB each. */
const section = (number: number): string => `## Section ${number}

${"A sentence with *emphasis*, `code` and a [link](https://example.com/a). ".repeat(8)}

| Name | Count |
|:-----|------:|
| one | ${number} |
| two | **2** |

- First
  - nested
- Second

\`\`\`js
const section = ${number};
\`\`\`

`;

test("while 200 kB arrive, what is complete is left alone, and the page can be used", async () => {
  const sections = Array.from({ length: 290 }, (_, index) => section(index + 1));
  expect(sections.join("").length).toBeGreaterThan(200_000);
  // The second half comes when the first has been looked at: the answer must not be over before that.
  let goOn = (_rest: string): void => {};
  const rest = new Promise<string>((resolve) => {
    goOn = resolve;
  });
  provider.behaviour = { says: sections.slice(0, 145).join(""), rest };
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.say("Tell me all of it");
  await ada.page.getByRole("heading", { name: "Section 20", exact: true }).waitFor();
  await ada.page.evaluate(`(() => {
    const view = document.querySelector(".markdown");
    const complete = [...view.children].slice(0, -2);
    let added = 0;
    const count = (node) => node.nodeType === Node.ELEMENT_NODE ? 1 + node.querySelectorAll("*").length : 0;
    const look = new MutationObserver((records) => {
      for (const { addedNodes } of records) for (const node of addedNodes) added += count(node);
    });
    look.observe(document.querySelector("#messages"), { childList: true, subtree: true });
    const before = view.querySelectorAll("*").length;
    globalThis.result = () => ({
      kept: complete.every((node, index) => node === view.children[index]),
      // Colours of code come later, in place of its text.
      addedForEach: added / (view.querySelectorAll("*").length - before),
    });
  })()`);
  await ada.field.pressSequentially("And then?");
  await ada.openPanel();
  await ada.page.keyboard.press("Escape");
  await ada.page.getByRole("heading", { name: "Section 120", exact: true }).waitFor();
  expect(await ada.answers.getAttribute("aria-busy")).toBe("true");
  const { kept, addedForEach } = await ada.page.evaluate<{ kept: boolean; addedForEach: number }>("result()");
  expect(kept).toBe(true);
  expect(addedForEach).toBeLessThan(2);
  goOn(sections.slice(145).join(""));
  // Somebody looks at something else, and comes back.
  await ada.begin();
  await ada.openConversation("Tell me all of it");
  await ada.page.getByRole("heading", { name: "Section 290", exact: true }).waitFor();
  await ada.send.waitFor();
  expect(await ada.field.inputValue()).toBe("And then?");
  await expect.poll(() => ada.page.locator("#messages h2").count()).toBe(290);
});
