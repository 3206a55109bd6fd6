// What a model is sent of a conversation that this library kept is what it would be sent of one that was never stored.
import { HumanMessage } from "@langchain/core/messages";
import { expect, test } from "vitest";
import { textOf } from "./support/endpoint.js";
import { made, takesBack, timeout, ways } from "./support/runs.js";
import { forEachApi } from "./support/suite.js";
import { type Input, inputAfter, plainTalk, storedTalk, type Talk } from "./support/talks.js";

forEachApi((api, endpoint) => {
  for (const { version, how, kind } of ways) {
    test(
      `${version}, ${how}, ${kind}: the requests are byte for byte those of a history in memory`,
      async () => {
        const names = Object.keys(api.answers);
        const taken = await Promise.all(names.map((name) => takesBack(endpoint(), api, { version, how, name })));
        const script = names.filter((_, index) => taken[index]).map((name) => made(api, name));
        const texts = script.map(() => textOf(api));

        const requests = async (talkOf: (url: string) => Talk | Promise<Talk>): Promise<string[]> => {
          const line = endpoint().open();
          line.beyond.push(...texts);
          const talk = await talkOf(line.url);
          let input: Input = [new HumanMessage("Hello")];
          for (const [index, answer] of script.entries()) {
            line.answer(answer);
            input = inputAfter(await talk.say(input, { how }), `Question ${index}`);
          }
          if (script.length > 0) await talk.say(input, { how });
          return line.requests.map(({ text }) => text);
        };

        const never = await requests((url) => plainTalk(kind, api.model(url, version)));
        const stored = await requests((url) => storedTalk(kind, api.model(url, version)));
        expect(stored).toEqual(never);
        expect(stored.length).toBeGreaterThanOrEqual(script.length);
      },
      timeout,
    );
  }
});
