import type { Keyring } from "../encryption/keyring.js";
import type { ExitCode } from "./exit-codes.js";
import type { OptionName, Options } from "./options.js";
import type { Output } from "./output.js";
import type { OpenRedis } from "./redis.js";

/** A command, declared once. The parser, `--help` and docs/command-line.md are derived from it. */
export interface Command {
  readonly name: string;
  /** The arguments that follow the name, in this order. */
  readonly operands: readonly string[];
  /** The options of this command, beside those of every command. */
  readonly options: readonly OptionName[];
  readonly about: string;
  readonly run: (call: Call) => Promise<ExitCode>;
}

/** The input of a command. */
export interface Call {
  /** One for each operand that the command declares. */
  readonly operands: readonly string[];
  readonly options: Options;
  readonly redis: OpenRedis;
  /** The key ring that the environment names. */
  readonly keyRing: Keyring | undefined;
  readonly output: Output;
}
