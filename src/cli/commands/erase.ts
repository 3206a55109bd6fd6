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
  about: "Removes everything that is stored for a user, the data key first",
  run: async (call: Call) => {
    const owner = ownerOf(call);
    const store = storeOf(call);
    await assertKeyInReach(call);
    await confirm(call, `This removes everything that is stored for ${named(owner)}.`, owner.userId);
    const erased = await store.eraseUser(owner);
    const counts = Object.entries(erased).map(([what, count]) => `${count} ${what}`);
    await call.output.result(erased, `Removed for ${named(owner)}: ${counts.join(", ")}.`);
    return EXIT.done;
  },
};

/**
 * Checks that the user's data key can be destroyed. If a key that is kept elsewhere were not destroyed there, backups
 * of Redis would stay readable.
 *
 * @throws UsageError when the key is kept elsewhere and the key ring does not say where.
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
