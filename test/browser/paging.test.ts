import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "0" });

test("a long list and a long conversation come in pages", async () => {
  const titles = Array.from({ length: 30 }, (_, number) => `Note ${number + 1}, please`);
  await chat.server.seed("ada", titles);
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.conversation("Note 30,").waitFor();
  expect(await ada.conversation("Note 5,").count()).toBe(0);
  await ada.button("Show older ones").click();
  await ada.conversation("Note 5,").waitFor();
  await ada.conversation("Note 1,").waitFor();
  expect(await ada.list.getByRole("listitem").count()).toBe(30);

  await ada.conversation("Note 1,").click();
  await ada.questions.getByText("Note 1, please").waitFor();
  for (let turn = 1; turn <= 26; turn++) await ada.ask(`Turn ${turn}.`);
  await ada.page.reload();
  await ada.questions.getByText("Turn 26.").waitFor();
  expect(await ada.questions.getByText("Note 1, please").count()).toBe(0);
  await ada.button("Show earlier messages").click();
  await ada.questions.getByText("Note 1, please").waitFor();
  expect(await ada.questions.count()).toBe(27);
});
