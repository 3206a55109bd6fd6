import { parseArgs, type ParseArgsConfig } from "node:util";

/** Every option, once. The parser, `--help` and docs/command-line.md are made from it. */
export const options = {
  url: {
    type: "string",
    value: "url",
    about: "which Redis: redis://[user@]host[:port][/database], rediss:// for TLS; without it, REDIS_URL",
  },
  prefix: { type: "string", value: "text", about: 'the keyPrefix of your service (default "chat")' },
  org: { type: "string", value: "id", about: "the organisation of the user, when the sessions have one" },
  texts: { type: "boolean", about: "show what people wrote too: messages, titles, addresses, user agents" },
  "max-token-lifetime": {
    type: "string",
    value: "duration",
    about: 'the maxTokenLifetime of your service: for so long, older sign-ins stay refused (default "1d")',
  },
  compress: { type: "boolean", about: "compress what is sealed, as your service does" },
  yes: { type: "boolean", about: "do it without asking" },
  json: { type: "boolean", about: "print JSON, one object a line" },
  help: { type: "boolean", about: "print this" },
} as const satisfies Readonly<Record<string, Option>>;

interface Option {
  readonly type: "string" | "boolean";
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly about: string;
}

export type OptionName = keyof typeof options;

/** The options that every command takes. */
export const commonOptions: readonly OptionName[] = ["url", "prefix", "json", "help"];

const config = { options, allowPositionals: true, strict: true } satisfies ParseArgsConfig;

/** The values of the options that were given. */
export type Options = ReturnType<typeof parseArgs<typeof config>>["values"];

/** @throws TypeError when an argument is no option, or an option has no value. */
export function parsed(args: readonly string[]): { readonly values: Options; readonly positionals: readonly string[] } {
  return parseArgs({ ...config, args: [...args] });
}

/** Returns an option as it is written: `--org <id>`. */
export function spelled(name: OptionName): string {
  const option: Option = options[name];
  return option.value === undefined ? `--${name}` : `--${name} <${option.value}>`;
}
