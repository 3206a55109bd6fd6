import { sealStored } from "../../reseal/seal-stored.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { keyRingOf } from "../key-ring.js";
import { Progress } from "../progress.js";

export const reseal: Command = {
  name: "reseal",
  operands: [],
  options: ["compress"],
  about: "Seals what is stored plain; scans all keys, while users talk",
  run: async (call: Call) => {
    const { redis, options, output } = call;
    using progress = new Progress("alone");
    const sealed = await sealStored({
      client: redis.client,
      keyPrefix: options.prefix,
      encryption: keyRingOf(call),
      compress: options.compress,
      onProgress: (one) => progress.show(`${one.scanned} keys, ${one.sealed} values sealed`),
    });
    await output.result(sealed, `${sealed.sealed} values were sealed, and ${sealed.skipped} were skipped.`);
    // What is skipped changed each time, or cannot be read. It is still plain.
    return sealed.skipped === 0 ? EXIT.done : EXIT.failed;
  },
};
