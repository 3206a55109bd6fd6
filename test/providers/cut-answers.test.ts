// An answer that breaks off anywhere, for whatever reason, never stops the conversation: what is kept of it, the provider
// takes back in the next turns.
import { expect, test } from "vitest";
import { faults, goesOn } from "./support/cutting.js";
import { cutsOf, isLong, isTurn, made, streamed, takesBack, timeout } from "./support/runs.js";
import { forEachApi } from "./support/suite.js";

forEachApi((api, endpoint) => {
  for (const [turn, { version, kind }] of streamed.entries()) {
    test(
      `${version}, ${kind}: each answer, cut anywhere, and three turns after it`,
      async () => {
        const wrong: string[] = [];
        const way = { version, how: "stream" } as const;
        const call = "text, then a call";
        const calls = kind === "agent" && (await takesBack(endpoint(), api, { ...way, name: call }));
        for (const name of Object.keys({ ...api.answers, ...api.stopping })) {
          if (!(await takesBack(endpoint(), api, { ...way, name }))) continue;
          const cases = cutsOf(made(api, name)).flatMap((behind, index) =>
            faults
              .filter((_, which) => isLong || which === (index + turn) % faults.length)
              // An agent's turn takes three times as long.
              .filter(() => isTurn(index, kind === "chain" ? 4 : 12, turn))
              .flatMap((fault) =>
                (calls && isLong ? [true, false] : [calls && index % 2 === 0]).map((called) => ({
                  behind,
                  fault,
                  called,
                })),
              ),
          );
          const results = await Promise.all(
            cases.map(({ behind, fault, called }) =>
              goesOn(endpoint(), {
                api,
                version,
                kind,
                before: called ? made(api, call) : undefined,
                answer: made(api, name),
                behind,
                fault,
              }),
            ),
          );
          wrong.push(...results.filter((each) => each !== undefined));
        }
        expect(wrong).toEqual([]);
      },
      timeout,
    );
  }
});
