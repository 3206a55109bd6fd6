import { parseArgs, type ParseArgsConfig } from "node:util";
import { kindOfId } from "../options/ids.js";

/** Every option, declared once. The parser, `--help` and docs/command-line.md are derived from it. */
export const options = {
  url: {
    type: "string",
    value: "url",
    about: "the Redis: redis://[user@]host[:port][/database], or rediss:// for TLS (default: REDIS_URL)",
  },
  prefix: { type: "string", value: "text", about: 'the keyPrefix of your service (default "chat")' },
  org: { type: "string", value: "id", about: "the organisation of the user, if the sessions have one" },
  texts: { type: "boolean", about: "also show messages, titles, addresses and user agents" },
  "max-token-lifetime": {
    type: "string",
    value: "duration",
    about: 'the maxTokenLifetime of your service, for which older sign-ins stay refused (default "1d")',
  },
  compress: { type: "boolean", about: "compress the sealed values, as your service does" },
  yes: { type: "boolean", about: "do not ask for confirmation" },
  json: { type: "boolean", about: "print JSON, one object per line" },
  help: { type: "boolean", short: "h", about: "print this help" },
} as const satisfies Readonly<Record<string, Option>>;

interface Option {
  readonly type: "string" | "boolean";
  /** The placeholder for the value in the help. */
  readonly value?: string;
  /** The letter that stands for it behind a single dash. */
  readonly short?: string;
  readonly about: string;
}

export type OptionName = keyof typeof options;

/** The options of every command. */
export const commonOptions: readonly OptionName[] = ["url", "prefix", "json", "help"];

const config = { options, allowPositionals: true, strict: true } satisfies ParseArgsConfig;

/** The values of the options on the command line. */
export type Options = ReturnType<typeof parseArgs<typeof config>>["values"];

/** Stands before an id that begins with a dash while the command line is parsed. No argument of a program holds it. */
const MARK = "\0";

/**
 * Parses the options of a command line. Of options with one letter there is only `-h`. So any other argument with a single
 * dash in front is an id, and so is an id that this library made: one of 64 begins with a dash, and people paste it.
 *
 * @throws TypeError when an option is unknown or lacks its value.
 */
export function parsed(args: readonly string[]): { readonly values: Options; readonly positionals: readonly string[] } {
  const { values, positionals } = parseArgs({ ...config, args: args.map(marked) });
  return {
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, unmarked(value)])) as Options,
    positionals: positionals.map(unmarked),
  };
}

function marked(argument: string): string {
  return (/^-[^-]/u.test(argument) && argument !== "-h") || kindOfId(argument) !== undefined
    ? MARK + argument
    : argument;
}

function unmarked<Value>(value: Value): Value {
  return (typeof value === "string" && value.startsWith(MARK) ? value.slice(MARK.length) : value) as Value;
}

/** Returns the usage of an option: `--org <id>`. */
export function spelled(name: OptionName): string {
  const option: Option = options[name];
  return option.value === undefined ? `--${name}` : `--${name} <${option.value}>`;
}
