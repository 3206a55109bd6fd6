import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { ownerOf, storeOf } from "../owner.js";

export const exportUser: Command = {
  name: "export",
  operands: ["user"],
  options: ["org"],
  about: "Prints all that is stored of a user, texts too, as JSON: one record a line",
  run: async (call: Call) => {
    for await (const record of storeOf(call).exportUser(ownerOf(call))) await call.output.json(record);
    return EXIT.done;
  },
};
