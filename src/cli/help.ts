import type { Command } from "./command.js";
import { commands } from "./commands.js";
import { commonOptions, type OptionName, options, spelled } from "./options.js";

const PROGRAM = "langchain-redis-sessions";

/** Returns the usage of a command: `show <user> <conversation>`. */
export function usageOf({ name, operands }: Command): string {
  return [name, ...operands.map((operand) => `<${operand}>`)].join(" ");
}

/** Returns the output of `--help` for one command, or for all. */
export function helpText(command: Command | undefined): string {
  const [title, body] = command === undefined ? helpOfAll() : helpOfOne(command);
  return `${title}\n\n${body}\n`;
}

function helpOfAll(): [title: string, body: string] {
  const rows = commands.map((one) => [usageOf(one), one.about] as const);
  return [
    `${PROGRAM} <command>: manages what langchain-redis-sessions keeps in Redis.`,
    `${twoColumns(rows)}\n\nOptions of every command\n\n${optionTable(commonOptions)}\n
Passwords and keys come from the environment, never from arguments: REDIS_URL, REDIS_PASSWORD, and
LANGCHAIN_REDIS_SESSIONS_KEYRING, the path of a JSON file with the key ring. More: ${PROGRAM} <command> --help`,
  ];
}

function helpOfOne(command: Command): [title: string, body: string] {
  const usage = [PROGRAM, usageOf(command), "[options]"].join(" ");
  return [usage, `${command.about}\n\n${optionTable([...command.options, ...commonOptions])}`];
}

function optionTable(names: readonly OptionName[]): string {
  return twoColumns(names.map((name) => [spelled(name), options[name].about]));
}

function twoColumns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
