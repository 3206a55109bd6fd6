import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterAll, beforeEach, expect, test } from "vitest";
import { SessionStore } from "../../src/index.js";
import { amount } from "../support/amount.js";
import { startRedis } from "../../src/testing/index.js";
import type { ChatPage } from "./support/browser.js";
import { useChat } from "./support/suite.js";

const redis = await startRedis();
const chat = useChat({ REDIS_URL: redis.url, MODEL_PACE: "0" });
const client = new Redis(redis.url);
const sessions = new SessionStore({ client, keyPrefix: "chat", maxSessionsPerUser: 1 });
afterAll(async () => {
  await sessions.close();
  await client.quit();
  await redis.stop();
});

const CONVERSATIONS = amount(70, 300);
const TURNS = amount(100, 1_000);

/** Conversations as the service leaves them, and many at once: by asking, that would take minutes. */
beforeEach(async () => {
  const owner = { userId: "ada", agentId: "assistant" };
  const { session } = await sessions.create(owner);
  for (let number = 1; number <= CONVERSATIONS; number++) {
    const one = await sessions.openConversation(session);
    const turns = Array.from({ length: number === CONVERSATIONS ? TURNS : 1 }, (_, turn) => [
      new HumanMessage(`Question ${turn + 1}`),
      new AIMessage(
        `Answer ${turn + 1}, with **some** Markdown.\n\n- One\n- Two\n\n\`\`\`js\nlet three = 3;\n\`\`\`\n`,
      ),
    ]).flat();
    for (let at = 0; at < turns.length; at += 500) await sessions.history(one).addMessages(turns.slice(at, at + 500));
    await sessions.conversations.rename(one, one.conversationId, `Note ${number}, please`);
  }
});

/** In the page: to look for each button by its name among all that is there takes a test longer than the page. */
function pressUntilGone({ page }: ChatPage, id: string): Promise<unknown> {
  return page.evaluate(`new Promise((done) => {
    const button = document.getElementById("${id}");
    const press = () => (button.hidden ? done() : (button.click(), setTimeout(press, 20)));
    press();
  })`);
}

function count({ page }: ChatPage, selector: string): Promise<number> {
  return page.evaluate<number>(`document.querySelectorAll("${selector}").length`);
}

test("messages and conversations come in pages, and all of them leave the page quick", async () => {
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.conversation(`Note ${CONVERSATIONS},`).waitFor();
  await expect.poll(() => ada.conversation("Note 5,").count()).toBe(0);
  await pressUntilGone(ada, "more-conversations");
  await expect.poll(() => count(ada, "#conversation-list > li")).toBe(CONVERSATIONS);
  await ada.conversation("Note 5,").waitFor();

  await ada.conversation(`Note ${CONVERSATIONS},`).click();
  await ada.questions.getByText(`Question ${TURNS}`).waitFor();
  await expect.poll(() => ada.questions.count()).toBe(25);
  await pressUntilGone(ada, "earlier");
  expect(await count(ada, ".message")).toBe(TURNS * 2);
  await ada.questions.getByText("Question 1", { exact: true }).waitFor();

  // Counted and not timed: what one more turn changes, it changes where it is.
  await ada.page.evaluate(`globalThis.changed = new Set();
    const look = (root) => new MutationObserver((records) => records.forEach(({ target }) => {
      const one = (target.nodeType === Node.TEXT_NODE ? target.parentElement : target).closest(".message, li[data-id]");
      if (one) changed.add(one);
    })).observe(root, { childList: true, subtree: true, attributes: true, characterData: true });
    look(document.querySelector("#messages"));
    look(document.querySelector("#conversation-list"));`);
  await ada.field.fill("One more");
  await ada.send.click();
  await ada.answers.last().getByText("offline stand-in").waitFor();
  await expect.poll(() => ada.list.getByText("The agent is answering").count()).toBe(0);
  // Its question and answer, the answer before, which can no longer be asked again, the questions that can be edited again
  // on the page that was loaded anew, and the row of the conversation.
  expect(await ada.page.evaluate("[...changed].filter((one) => one.matches('li')).length")).toBeLessThan(5);
  expect(await count(ada, ".message")).toBe(TURNS * 2 + 2);

  // An address that somebody kept leads to a conversation that the list does not reach back to, and its name is there.
  await ada.conversation("Note 5,").click();
  await ada.page.getByRole("heading", { level: 1, name: "Note 5, please" }).waitFor();
  await ada.page.reload();
  await ada.answers.getByText("Answer 1,").waitFor();
  await expect.poll(() => count(ada, "#conversation-list > li")).toBe(30);
  expect(await ada.conversation("Note 5,").count()).toBe(0);
  await ada.page.getByRole("heading", { level: 1, name: "Note 5, please" }).waitFor();
  expect(await ada.page.title()).toBe("Note 5, please · Chat");
});
