import type { Call, Command } from "../command.js";
import { confirm } from "../confirm.js";
import { EXIT } from "../exit-codes.js";
import { storeOf } from "../owner.js";
import { withProgress } from "../progress.js";

export const endEverybody: Command = {
  name: "end-everybody",
  operands: [],
  options: ["max-token-lifetime", "yes"],
  about: "Ends all sessions of all users; first rotate the key that signs their tokens",
  run: async (call: Call) => {
    const store = storeOf(call);
    await confirm(call, "This ends all sessions of all users of all organisations.", "everybody");
    const ended = await withProgress((progress) =>
      store.endEverybody({
        onProgress: ({ owners, sessions }) => progress.show(`${owners} users, ${sessions} sessions`),
      }),
    );
    await call.output.result(ended, `${ended.sessions} sessions of ${ended.owners} users were ended.`);
    return EXIT.done;
  },
};
