import type { Keyring } from "../encryption/keyring.js";
import type { ExitCode } from "./exit-codes.js";
import type { OptionName, Options } from "./options.js";
import type { Output } from "./output.js";
import type { OpenRedis } from "./redis.js";

/** A command, declared once. The parser, `--help` and docs/command-line.md are made from it. */
export interface Command {
  readonly name: string;
  /** What has to stand behind the name, in this order. */
  readonly operands: readonly string[];
  /** The options that it takes beside those that every command takes. */
  readonly options: readonly OptionName[];
  readonly about: string;
  readonly run: (call: Call) => Promise<ExitCode>;
}

/** What a command works with. */
export interface Call {
  /** As many as the command declares. */
  readonly operands: readonly string[];
  readonly options: Options;
  readonly redis: OpenRedis;
  /** The key ring that the environment names. */
  readonly keyRing: Keyring | undefined;
  readonly output: Output;
}
