// What a model is sent after the past was changed is what it would be sent had the past always been like that.
import { randomUUID } from "node:crypto";
import { HumanMessage } from "@langchain/core/messages";
import type { StoredMessage } from "langchain-redis-sessions";
import { expect, test, vi } from "vitest";
import { textOf } from "./support/endpoint.js";
import { made, streamed, takesBack, timeout, ways } from "./support/runs.js";
import { type SessionTalk, sessionTalk } from "./support/session-talks.js";
import { forEachApi } from "./support/suite.js";
import { inputAfter, plainTalk } from "./support/talks.js";

const said = (text: string): HumanMessage[] => [new HumanMessage(text)];

async function lastQuestion(talk: SessionTalk): Promise<StoredMessage> {
  const question = (await talk.stored()).findLast(({ message }) => message.type === "human");
  return question ?? expect.unreachable("nothing was asked");
}

forEachApi((api, endpoint) => {
  for (const { version, how, kind } of ways) {
    test(
      `${version}, ${how}, ${kind}: once a turn is replaced, the requests are byte for byte those of a conversation without it`,
      async () => {
        const names = Object.keys(api.answers);
        // Some packages cannot send their own answers of output version 1 back, whatever keeps them.
        const taken = await Promise.all(names.map((name) => takesBack(endpoint(), api, { version, how, name })));
        const replaced = names.filter((_, index) => taken[index]).map((name) => made(api, name));
        if (replaced.length === 0) return;
        // A provider's ids are in its answers: both conversations are given the same ones.
        const [hello, last] = [textOf(api), textOf(api)];
        const better = replaced.map(() => textOf(api));
        const sentence = (index: number): string => `Question ${index}, in other words`;

        const never = endpoint().open();
        const plain = plainTalk(kind, api.model(never.url, version));
        for (const answer of [hello, ...better, last]) never.answer(answer);
        await plain.say(said("Hello"), { how });
        for (const index of better.keys()) await plain.say(said(sentence(index)), { how });
        await plain.say(said("And now?"), { how });

        const line = endpoint().open();
        const talk = await sessionTalk(kind, api.model(line.url, version));
        const kept: string[] = [];
        line.answer(hello);
        await talk.say(said("Hello"), { how });
        kept.push(line.requests.at(-1)?.text ?? "");
        for (const [index, answer] of replaced.entries()) {
          line.answer(answer);
          const reply = await talk.say(said(`Question ${index}`), { how });
          // In an agent the tools have run by now.
          const results = inputAfter(reply, "");
          if (results.every(({ type }) => type === "tool")) await talk.say(results, { how });
          const { message, position } = await lastQuestion(talk);
          expect(message.text).toBe(`Question ${index}`);
          line.answer(better[index] ?? last);
          await talk.say(said(sentence(index)), { how, replaces: position });
          kept.push(line.requests.at(-1)?.text ?? "");
        }
        line.answer(last);
        await talk.say(said("And now?"), { how });
        kept.push(line.requests.at(-1)?.text ?? "");

        expect(kept).toEqual(never.requests.map(({ text }) => text));
        expect(kept).toHaveLength(replaced.length + 2);
        expect(line.refusals).toEqual([]);
      },
      timeout,
    );
  }

  for (const { version, how, kind } of streamed) {
    test(
      `${version}, ${how}, ${kind}: a request repeated after it failed is byte for byte the one of a first attempt`,
      async () => {
        const names = Object.keys(api.answers);
        // Some packages cannot send their own answers of output version 1 back, whatever keeps them.
        const taken = await Promise.all(names.map((name) => takesBack(endpoint(), api, { version, how, name })));
        const broken = names.filter((_, index) => taken[index]).map((name) => made(api, name));
        if (broken.length === 0) return;
        const [hello, answer, last] = [textOf(api), textOf(api), textOf(api)] as const;

        const never = endpoint().open();
        const plain = plainTalk(kind, api.model(never.url, version));
        for (const each of [hello, answer, last]) never.answer(each);
        for (const text of ["Hello", "And now?", "Then?"]) await plain.say(said(text), { how });

        const line = endpoint().open();
        const talk = await sessionTalk(kind, api.model(line.url, version));
        line.answer(hello);
        await talk.say(said("Hello"), { how });
        const operationId = randomUUID();
        // Each attempt leaves its question, and what can be kept of its answer.
        for (const one of broken) {
          line.answer(one, { behind: Math.ceil(one.frames.length / 2), by: "connection" });
          await expect(talk.say(said("And now?"), { how, operationId })).rejects.toBeInstanceOf(Error);
          await vi.waitFor(async () => expect((await lastQuestion(talk)).message.text).toBe("And now?"));
        }
        const attempts = line.requests.length;
        line.answer(answer);
        await talk.say(said("And now?"), { how, operationId });
        line.answer(last);
        await talk.say(said("Then?"), { how });

        expect(line.requests.slice(attempts).map(({ text }) => text)).toEqual(
          never.requests.slice(1).map(({ text }) => text),
        );
        expect(line.refusals).toEqual([]);
        expect(await talk.stored()).toHaveLength(6);
      },
      timeout,
    );
  }
});
