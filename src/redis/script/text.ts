import { type Arguments, inOrder } from "./arguments.js";
import { assembled, type Fragment } from "./fragment.js";

/** What the text of a script is made from. */
interface Described {
  readonly name: string;
  readonly about: string;
  readonly flags?: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly optionalKeys?: Readonly<Record<string, string>>;
  readonly arguments: Arguments;
  readonly effects?: object;
  readonly answers?: object;
  readonly refusals?: readonly string[];
  readonly seals?: true;
  readonly uses: readonly Fragment[];
  readonly lua: string;
}

/** The key is the last one, and not always there. It is taken away first, or it would pass for an optional key. */
const DATA_KEY = 'local dataKey = seal ~= "" and table.remove(KEYS) or nil';

/** A line of the header: where a key or argument is, its name, and what it is. */
type Row = readonly [place: string, name: string, about: string];

/** Returns a script as the server runs it: its flags, a header for a reader, the fragments, the locals, and its own Lua. */
export function textOf(script: Described): string {
  const flags = script.flags === undefined ? "" : ` flags=${script.flags}`;
  const keys = keysOf(script);
  const args = argumentsOf(script.arguments);
  const dataKey: Row[] = script.seals
    ? [["KEYS[#]", "dataKey", "string: the owner's data key; absent without `seal`"]]
    : [];
  const header = headerOf(script, [...keys.rows, ...dataKey, ...args.rows]);
  const locals = (script.seals ? [...args.locals, DATA_KEY, ...keys.locals] : [...keys.locals, ...args.locals]).join(
    "\n",
  );
  const parts = [assembled(script.uses), locals, script.lua.trim()].filter((part) => part !== "");
  return `#!lua${flags}\n${header}\n${parts.join("\n\n")}\n`;
}

interface Read {
  readonly rows: readonly Row[];
  /** The Lua that makes a local of each. */
  readonly locals: readonly string[];
}

function keysOf({ keys, optionalKeys = {} }: Described): Read {
  const optional = Object.entries(optionalKeys).map(([name, about]) => [name, `${about}; may be absent`] as const);
  const all = [...Object.entries(keys), ...optional];
  return {
    rows: all.map(([name, about], index) => [`KEYS[${index + 1}]`, name, about]),
    locals: all.map(([name], index) => `local ${name} = KEYS[${index + 1}]`),
  };
}

function argv(index: number): string {
  return `ARGV[${index + 1}]`;
}

function argumentsOf(declared: Arguments): Read {
  const { singles, lists } = inOrder(declared);
  const rows = singles.map(([name, { about }], index): Row => [argv(index), name, about]);
  const locals = singles.map(([name, { local }], index) => `local ${name} = ${local(argv(index))}`);
  if (lists.length === 0) return { rows, locals };
  const counts = lists.length - 1;
  locals.push(`local taken, listEnd = ${singles.length + counts}`);
  for (const [index, [name, { about }]] of lists.entries()) {
    const isLast = index === counts;
    const count = argv(singles.length + index);
    rows.push([isLast ? "ARGV[…]" : `${count}, …`, name, isLast ? about : `how many, and then ${about}`]);
    // unpack() makes a short list at once, and fails near 8,000 values. Not by a function: to make one takes longer.
    locals.push(
      `listEnd = ${isLast ? "#ARGV" : `taken + ${count}`}`,
      `local ${name} = listEnd - taken <= 4000 and { unpack(ARGV, taken + 1, listEnd) } or {}`,
      `for i = taken + #${name} + 1, listEnd do`,
      `  ${name}[i - taken] = ARGV[i]`,
      "end",
    );
    if (!isLast) locals.push("taken = listEnd");
  }
  return { rows, locals };
}

function headerOf(
  { name, about, effects = {}, answers = {}, refusals = [], seals }: Described,
  rows: readonly Row[],
): string {
  const places = Math.max(0, ...rows.map(([place]) => place.length));
  const names = Math.max(0, ...rows.map((row) => row[1].length));
  const table = rows.map(([place, one, what]) => `${place.padEnd(places)}  ${one.padEnd(names)}  ${what}`.trimEnd());
  const outcomes = [
    ...Object.keys(effects),
    ...Object.keys(answers),
    ...refusals,
    ...(seals ? ["stale-key"] : []),
  ].join(" | ");
  return [
    "--[[",
    `${name}: ${about}`,
    ...(table.length > 0 ? ["", ...table] : []),
    "",
    `returns an outcome and its values: ${outcomes}`,
    "--]]",
  ].join("\n");
}
