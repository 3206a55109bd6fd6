import { erasedIndex, type OwnedThing, ownedThings } from "../../owned.js";
import { count, text as textReply } from "../../replies.js";
import { flag, number, text } from "../../script/arguments.js";
import { defineScript, type Script, type ScriptCall } from "../../script/define.js";
import { assembled, type Fragment } from "../../script/fragment.js";
import { destroyKey } from "../fragments/data-key.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";
import { whole } from "../fragments/time.js";

/** How many of each thing one step removes. No step blocks Redis for long. */
const STEP = 200;

export interface ErasedStep {
  readonly outcome: "step";
  /** How many of each thing were removed, in the order of the things. */
  readonly removed: readonly number[];
  readonly left: number;
  /** The id of the owner's data key, which the first step destroys; `""` when there is none. */
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
 * One step of erasing all that an owner has. The first step takes the indexes away, which ends every session at once: a
 * record that no index knows is no session, a memory that no index knows is empty. The rest removes what they listed, a
 * bounded number at a time. Of a conversation its next generation stays, as when it is deleted, because it keeps turns in
 * flight from coming back.
 *
 * It is safe to repeat: what an interrupted run left is listed under the names that the first step gave.
 */
export function eraseScriptOf(
  things: readonly OwnedThing[],
): Script<ScriptCall<string, never, EraseArguments>, ErasedStep> {
  const names = things.map(({ name }) => ({ index: name, erased: inScript(name) }));
  const keys: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      names.flatMap(({ index, erased }) => [
        [index, "sorted set: all of the owner's"],
        [erased, "sorted set: those that are still to be erased"],
      ]),
    ),
    ...notBeforeKey,
    ownKey: "string: the owner's data key",
  };
  const needed: readonly Fragment[] = things.flatMap(({ remove }) => remove.needs);
  const script = defineScript({
    name: "owner.erase",
    about: `one step of erasing all that an owner has: ${things.map(({ name }) => name).join(", ")}.`,
    flags: "allow-oom",
    unrecorded: true,
    keys,
    arguments: {
      channel: text("on which endings are published"),
      answerChannels: text("what the channels of the owner's answers begin with"),
      elsewhere: text('id of the data key that is kept elsewhere, "" for none'),
      first: flag("whether this is the first step"),
      remembered: number("milliseconds to remember since when a sign-in has to be newer"),
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

-- Read before the first write: in a slot that is moving, a key that is gone stops the script here.
for _, thing in ipairs(things) do
  redis.call("EXISTS", thing.index, thing.erased)
end
local destroyed = ""
if first then
  -- Before anything else: from now on nothing can be sealed with it.
  destroyed = destroyKey(ownKey, elsewhere)
  markNotBefore(notBefore, "", remembered)
  for _, thing in ipairs(things) do
    if redis.call("EXISTS", thing.index) == 1 then
      local expiry, other = redis.call("PEXPIRETIME", thing.index), redis.call("PEXPIRETIME", thing.erased)
      redis.call("ZUNIONSTORE", thing.erased, 2, thing.index, thing.erased, "AGGREGATE", "MAX")
      -- -1: what is to last for ever is listed for as long.
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
