import type { Call, Command } from "../command.js";
import { confirm } from "../confirm.js";
import { EXIT } from "../exit-codes.js";
import { named, ownerOf, storeOf } from "../owner.js";

export const end: Command = {
  name: "end",
  operands: ["user"],
  options: ["org", "max-token-lifetime", "yes"],
  about: "Ends all sessions of a user; earlier sign-ins cannot open new ones",
  run: async (call: Call) => {
    const { output } = call;
    const owner = ownerOf(call);
    const store = storeOf(call);
    await confirm(call, `This ends all sessions of ${named(owner)}.`, owner.userId);
    const ended = await store.endAll(owner);
    await output.result({ ended }, `${ended} sessions of ${named(owner)} were ended.`);
    return EXIT.done;
  },
};
