// An answer that breaks off anywhere, for whatever reason, never stops the conversation: what is kept of it, the provider
// takes back in the next turns.
import { expect, test } from "vitest";
import { faults, goesOn } from "./support/cutting.js";
import { cutsOf, isLong, isTurn, made, streamed, takesBack, timeout } from "./support/runs.js";
import { forEachApi } from "./support/suite.js";

forEachApi((api, endpoint) => {
  test.each(streamed.map((way, turn) => ({ ...way, turn })))(
    "$version, $kind: each answer, cut anywhere, and three turns after it",
    async ({ version, kind, turn }) => {
      const wrong: string[] = [];
      for (const name of Object.keys({ ...api.answers, ...api.stopping })) {
        if (!(await takesBack(endpoint(), api, { version, how: "stream", name }))) continue;
        const cases = cutsOf(made(api, name)).flatMap((behind, index) =>
          faults
            .filter((_, which) => isLong || which === (index + turn) % faults.length)
            .filter(() => isTurn(index, streamed.length, turn))
            .map((fault) => ({ behind, fault })),
        );
        const results = await Promise.all(
          cases.map((each) => goesOn(endpoint(), { api, version, kind, answer: made(api, name), ...each })),
        );
        wrong.push(...results.filter((each) => each !== undefined));
      }
      expect(wrong).toEqual([]);
    },
    timeout,
  );
});
