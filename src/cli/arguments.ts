import type { Command } from "./command.js";
import { commands } from "./commands.js";
import { commonOptions, type OptionName, type Options, parsed } from "./options.js";
import { UsageError } from "./errors.js";

export interface Arguments {
  /** Absent if there were no arguments, or only `--help`. */
  readonly command: Command | undefined;
  readonly operands: readonly string[];
  readonly options: Options;
}

/**
 * Parses the command line.
 *
 * @throws UsageError when the command line has a form that `--help` does not show.
 */
export function parseArguments(args: readonly string[]): Arguments {
  const { values: options, positionals } = parse(args);
  const [name, ...operands] = positionals;
  if (name === undefined) {
    if (args.length > 0 && options.help !== true) throw new UsageError("Say what to do: a command is missing.");
    return { command: undefined, operands, options };
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new UsageError(`There is no command ${name}.`);
  const foreign = (Object.keys(options) as OptionName[]).find(
    (option) => !commonOptions.includes(option) && !command.options.includes(option),
  );
  if (foreign !== undefined) throw new UsageError(`${name} takes no --${foreign}.`);
  if (operands.length !== command.operands.length && options.help !== true) {
    const wanted = command.operands.map((operand) => ` <${operand}>`).join("");
    throw new UsageError(`Write it like this: ${name}${wanted}`);
  }
  return { command, operands, options };
}

function parse(args: readonly string[]): ReturnType<typeof parsed> {
  try {
    return parsed(args);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}
