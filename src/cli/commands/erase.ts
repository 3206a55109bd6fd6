import { isElsewhere } from "../../encryption/data-keys.js";
import { textOrNothing } from "../../redis/replies.js";
import { read } from "../../redis/send.js";
import { keysOf } from "../../sessions/owner-keys.js";
import type { Call, Command } from "../command.js";
import { confirm } from "../confirm.js";
import { connectionOf } from "../connection.js";
import { UsageError } from "../errors.js";
import { EXIT } from "../exit-codes.js";
import { KEY_RING } from "../key-ring.js";
import { named, ownerOf, storeOf } from "../owner.js";

export const erase: Command = {
  name: "erase",
  operands: ["user"],
  options: ["org", "max-token-lifetime", "yes"],
  about: "Removes all that is stored of a user, the data key first",
  run: async (call: Call) => {
    const owner = ownerOf(call);
    const store = storeOf(call);
    await assertKeyInReach(call);
    await confirm(call, `This removes all that is stored of ${named(owner)}.`, owner.userId);
    const erased = await store.eraseUser(owner);
    const counts = Object.entries(erased).map(([what, count]) => `${count} ${what}`);
    await call.output.result(erased, `Of ${named(owner)} were removed: ${counts.join(", ")}.`);
    return EXIT.done;
  },
};

/**
 * A data key that is kept elsewhere has to be destroyed there, or a backup of Redis stays readable.
 *
 * @throws UsageError when it is, and the key ring does not say where.
 */
async function assertKeyInReach(call: Call): Promise<void> {
  if (call.keyRing?.dataKeys !== undefined) return;
  const connection = connectionOf(call);
  const { dataKey } = keysOf(connection, ownerOf(call));
  const record = await read(connection, "data-key.read", [["get", dataKey]], textOrNothing);
  if (record === undefined || !isElsewhere(record)) return;
  throw new UsageError(
    `Nothing was done. The user's data key is kept elsewhere: add \`dataKeys\` to the file that ${KEY_RING} names, or call eraseUser from your service.`,
  );
}
