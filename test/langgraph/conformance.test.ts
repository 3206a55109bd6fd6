// What a saver of this library promises beyond LangGraph's own suite. Each promise is checked on each saver, and on its
// controls: savers that break it, on which the check must fail.
import { describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { deletion } from "./promises/deletion.js";
import { forks } from "./promises/forks.js";
import { idempotence } from "./promises/idempotence.js";
import { order } from "./promises/order.js";
import { pauses } from "./promises/pauses.js";
import { retention } from "./promises/retention.js";
import { leftWithForks, twoRuns } from "./promises/two-runs.js";
import { values } from "./promises/values.js";
import { writes } from "./promises/writes.js";
import { memory, model } from "./support/kinds.js";
import {
  onCluster,
  onOneRedis,
  sealed,
  withSerde,
  withSessions,
  withSessionsOnCluster,
  withSessionsSealed,
} from "./support/our-kinds.js";

const kinds = [
  model(),
  onOneRedis,
  onCluster,
  sealed,
  withSessions,
  withSessionsOnCluster,
  ...[withSessionsSealed, withSerde].slice(0, amount(0, 2)),
];

const topics = { order, idempotence, writes, values, forks, deletion, twoRuns, pauses, retention };

describe.each(Object.entries(topics))("%s:", (_topic, promises) => {
  describe.each(promises)("$claim:", ({ holds, controls, needs }) => {
    test.each(kinds.filter(({ lacks }) => needs === undefined || !lacks?.includes(needs)))(
      "$name",
      async ({ place }) => {
        await expect(holds(place())).resolves.toBeUndefined();
      },
    );

    test.each(controls)("the check fails on $name", async ({ place }) => {
      await expect(holds(place())).rejects.toBeInstanceOf(Error);
    });
  });
});

describe.each(["async", "sync", "exit"] as const)("two runs at once where forks are allowed (%s):", (durability) => {
  test.each([memory, ...kinds])("$name loses one of them, and tells nobody", async ({ place }) => {
    expect(await leftWithForks(place(), durability)).toBe(4);
  });
});
