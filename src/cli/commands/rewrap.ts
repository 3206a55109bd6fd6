import { rewrapDataKeys } from "../../reseal/rewrap-data-keys.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { keyRingOf } from "../key-ring.js";
import { withProgress } from "../progress.js";

export const rewrap: Command = {
  name: "rewrap",
  operands: [],
  options: [],
  about: "Wraps all data keys with the ring's current key, and counts the data keys of each key",
  run: async (call: Call) => {
    const { redis, options, output } = call;
    const result = await withProgress((progress) =>
      rewrapDataKeys({
        client: redis.client,
        keyPrefix: options.prefix,
        encryption: keyRingOf(call),
        onProgress: ({ scanned, rewrapped }) => progress.show(`${scanned} data keys, ${rewrapped} wrapped anew`),
      }),
    );
    const counts = Object.entries(result.wrappedBy).map(([id, count]) => `${count} by ${id}`);
    const wrapped = counts.length === 0 ? "There are no data keys" : `Wrapped now: ${counts.join(", ")}`;
    await output.result(result, `${result.rewrapped} data keys were wrapped anew. ${wrapped}.`);
    return EXIT.done;
  },
};
