import { sealStored } from "../../reseal/seal-stored.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { keyRingOf } from "../key-ring.js";
import { withProgress } from "../progress.js";

export const reseal: Command = {
  name: "reseal",
  operands: [],
  options: ["compress"],
  about: "Seals data that is stored as plain text; scans all keys, and may run while users talk",
  run: async (call: Call) => {
    const { redis, options, output } = call;
    const sealed = await withProgress((progress) =>
      sealStored({
        client: redis.client,
        keyPrefix: options.prefix,
        encryption: keyRingOf(call),
        compress: options.compress,
        onProgress: (one) => progress.show(`${one.scanned} keys, ${one.sealed} values sealed`),
      }),
    );
    await output.result(sealed, `${sealed.sealed} values were sealed, and ${sealed.skipped} were skipped.`);
    // A skipped value changed at each try or cannot be read, so it is still plain text.
    return sealed.skipped === 0 ? EXIT.done : EXIT.failed;
  },
};
