import { expect, test } from "vitest";
import { useChat } from "./support/suite.js";

const chat = useChat({ MODEL_PACE: "0" });

test("a long list and a long conversation come in pages", async () => {
  const long = ["Note 1, please", ...Array.from({ length: 26 }, (_, number) => `Turn ${number + 1}.`)];
  const others = Array.from({ length: 29 }, (_, number) => [`Note ${number + 2}, please`]);
  await chat.server.seed("ada", [long, ...others]);
  const ada = await chat.open();
  await ada.signIn(chat.server.url);
  await ada.conversation("Note 30,").waitFor();
  await expect.poll(() => ada.conversation("Note 5,").count()).toBe(0);
  await ada.button("Show older ones").click();
  await ada.conversation("Note 5,").waitFor();
  await expect.poll(() => ada.list.getByRole("listitem").count()).toBe(30);

  await ada.conversation("Note 1,").click();
  await ada.questions.getByText("Turn 26.").waitFor();
  await expect.poll(() => ada.questions.getByText("Note 1, please").count()).toBe(0);
  await ada.button("Show earlier messages").click();
  await ada.questions.getByText("Note 1, please").waitFor();
  await expect.poll(() => ada.questions.count()).toBe(27);
});
