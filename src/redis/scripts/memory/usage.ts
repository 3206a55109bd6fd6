import { count } from "../../replies.js";
import { defineScript } from "../../script/define.js";
import { entering, enterLua, holderArguments, holderKeys, readRefusals, writeKeys } from "./space.js";

export const usageScript = defineScript({
  name: "memory.usage",
  about:
    "returns the usage of a namespace, and the number of its writes today. It removes expired values first; if some may be left, the caller calls it again.",
  flags: "allow-oom",
  keys: writeKeys,
  optionalKeys: holderKeys,
  arguments: holderArguments,
  answers: {
    done: (bytes: unknown, keys: unknown, written: unknown, more: unknown) => ({
      storageBytes: count(bytes),
      keys: count(keys),
      writesToday: count(written),
      /** Whether the counts may still include expired values. */
      uncertain: count(more) > 0,
    }),
  },
  refusals: readRefusals,
  uses: entering,
  lua: /* lua */ `
${enterLua}
return { "done", space.bytes, redis.call("HLEN", values), space.written, space.more and 1 or 0 }
`,
});
