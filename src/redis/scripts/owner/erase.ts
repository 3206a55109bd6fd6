import { erasedIndex, type OwnedThing, ownedThings } from "../../owned.js";
import { count, text as textReply } from "../../replies.js";
import { flag, number, text } from "../../script/arguments.js";
import { defineScript, type Script, type ScriptCall } from "../../script/define.js";
import { assembled, type Fragment } from "../../script/fragment.js";
import { destroyKey } from "../fragments/data-key.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";
import { whole } from "../fragments/time.js";

/** The number of each kind of thing that one step removes, so that no step blocks Redis for long. */
const STEP = 200;

export interface ErasedStep {
  readonly outcome: "step";
  /** The numbers of removed things, in the order of the kinds. */
  readonly removed: readonly number[];
  readonly left: number;
  /** The id of the owner's data key, which the first step destroys; `""` if there is none. */
  readonly destroyed: string;
}

interface EraseArguments {
  readonly channel: string;
  readonly answerChannels: string;
  readonly elsewhere: string;
  readonly first: boolean;
  readonly remembered: number;
}

/**
 * Returns the script that performs one step of erasing everything of an owner. The first step removes the indexes,
 * which ends every session at once: a record outside the index is no session, and a memory outside the index is empty.
 * The following steps remove what the indexes listed, a bounded number at a time. The next generation of each
 * conversation stays, as after a deletion, because it keeps turns in flight from writing it back.
 *
 * It is safe to repeat: the first step keeps the lists under other names, so a later run finds what an interrupted run
 * has left.
 */
export function eraseScriptOf(
  things: readonly OwnedThing[],
): Script<ScriptCall<string, never, EraseArguments>, ErasedStep> {
  const names = things.map(({ name }) => ({ index: name, erased: inScript(name) }));
  const keys: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      names.flatMap(({ index, erased }) => [
        [index, "sorted set: the index of the owner's things"],
        [erased, "sorted set: the things that still have to be erased"],
      ]),
    ),
    ...notBeforeKey,
    ownKey: "string: the owner's data key",
  };
  const needed: readonly Fragment[] = things.flatMap(({ remove }) => remove.needs);
  const script = defineScript({
    name: "owner.erase",
    about: `performs one step of erasing everything of an owner: ${things.map(({ name }) => name).join(", ")}.`,
    flags: "allow-oom",
    unrecorded: true,
    keys,
    arguments: {
      channel: text("the Pub/Sub channel of endings"),
      answerChannels: text("the beginning of the channels of the owner's answers"),
      elsewhere: text('the id of the data key that is kept elsewhere, "" for none'),
      first: flag("whether this is the first step"),
      remembered: number("how long older sign-ins stay refused, in milliseconds"),
    },
    effects: {
      step: (left: unknown, destroyed: unknown, ...removed: unknown[]): Omit<ErasedStep, "outcome"> => ({
        left: count(left),
        destroyed: textReply(destroyed),
        removed: removed.map(count),
      }),
    },
    uses: [...needed, markNotBefore, destroyKey, whole],
    lua: /* lua */ `
local ownerBase = string.sub(${names[0]?.index}, 1, -#"${names[0]?.index}" - 1)
local things = {}
${things
  .map(
    ({ remove }, position) => `do
  ${assembled([{ ...remove, needs: [] }]).replaceAll("\n", "\n  ")}
  things[${position + 1}] = { index = ${names[position]?.index}, erased = ${names[position]?.erased}, remove = remove }
end`,
  )
  .join("\n")}

-- Read all keys before the first write: in a slot that is moving, a missing key stops the script here.
for _, thing in ipairs(things) do
  redis.call("EXISTS", thing.index, thing.erased)
end
local destroyed = ""
if first then
  -- Destroy the key first: from now on, nothing can be sealed with it.
  destroyed = destroyKey(ownKey, elsewhere)
  markNotBefore(notBefore, "", remembered)
  for _, thing in ipairs(things) do
    if redis.call("EXISTS", thing.index) == 1 then
      local expiry, other = redis.call("PEXPIRETIME", thing.index), redis.call("PEXPIRETIME", thing.erased)
      redis.call("ZUNIONSTORE", thing.erased, 2, thing.index, thing.erased, "AGGREGATE", "MAX")
      -- -1 means for ever: an index that has no expiry stays listed for as long.
      if expiry ~= -1 and other ~= -1 then
        redis.call("PEXPIREAT", thing.erased, whole(math.max(expiry, other)))
      end
      redis.call("DEL", thing.index)
    end
  end
end

local left, counts = 0, {}
for position, thing in ipairs(things) do
  local removed = 0
  for _, member in ipairs(redis.call("ZRANGE", thing.erased, 0, ${STEP - 1})) do
    removed = removed + thing.remove(ownerBase, member, thing.index, channel, answerChannels)
    redis.call("ZREM", thing.erased, member)
  end
  counts[position] = removed
  left = left + redis.call("ZCARD", thing.erased)
end
return { "step", left, destroyed, unpack(counts) }
`,
  });
  return script;
}

export const eraseScript = eraseScriptOf(ownedThings);

/** Returns the keys of a step, by their names in the script. */
export function eraseKeysOf(things: readonly OwnedThing[], base: string): Record<string, string> {
  return Object.fromEntries(
    things.flatMap((thing) => [
      [thing.name, `${base}:${thing.name}`],
      [inScript(thing.name), `${base}:${erasedIndex(thing)}`],
    ]),
  );
}

function inScript(name: string): string {
  return `erased_${name}`;
}
