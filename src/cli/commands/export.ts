import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { ownerOf, storeOf } from "../owner.js";

export const exportUser: Command = {
  name: "export",
  operands: ["user"],
  options: ["org"],
  about: "Prints everything that is stored for a user, including texts, as JSON: one record per line",
  run: async (call: Call) => {
    for await (const record of storeOf(call).exportUser(ownerOf(call))) await call.output.json(record);
    return EXIT.done;
  },
};
