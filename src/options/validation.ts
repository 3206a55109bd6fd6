import * as z from "./schema.js";
import { InvalidOptionError } from "../errors.js";
import { once } from "./once.js";

/**
 * Checks a value and returns the output of the schema.
 *
 * @throws InvalidOptionError for the first fault. It names the option and says how to fix it.
 */
export function validate<Schema extends z.ZodType>(schema: Schema, name: string, value: unknown): z.output<Schema> {
  const parsed = z.safeParse(schema, value, { error: () => "not valid" });
  if (parsed.success) return parsed.data;
  // Report an unknown name first: when a name is misspelt, its right spelling is missing as well.
  const issues = parsed.error.issues;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = issue.path.length === 0 && z.isObject(schema) ? Object.keys(schema._zod.def.shape) : [];
    throw noSuchOption([...issue.path, key].join("."), known);
  }
  throw new InvalidOptionError(issue?.path.join(".") || name, `${issue?.message ?? "not valid"}.`);
}

/** Options of @langchain/redis and @langchain/community, each with the option of this library that replaces it. */
const renamed: ReadonlyMap<string, string> = new Map([
  ["sessionTTL", "ttl"],
  ["url", "client: connect(url)"],
  ["config", "client: connect(url)"],
]);

/**
 * Returns the error for an unknown option.
 *
 * @param known the names of the existing options.
 */
export function noSuchOption(option: string, known: readonly string[]): InvalidOptionError {
  const name = renamed.get(option);
  const others = known.length === 0 ? "its type lists the existing ones" : `there are ${known.join(", ")}`;
  return new InvalidOptionError(
    option,
    `there is no such option; ${name === undefined ? others : `here it is ${name}`}.`,
  );
}

/**
 * Checks a short text from outside. UTF-8 cannot encode a lone surrogate, so two texts that differ only in such a character
 * would be stored as the same bytes.
 */
export const textSchema: () => z.ZodType<string, unknown> = once(() =>
  z.check(
    z.string("use a string"),
    z.minLength(1, "use a string that is not empty"),
    z.refine((text) => text.isWellFormed(), "use well-formed Unicode (this contains a lone surrogate)"),
    z.refine((text) => Buffer.byteLength(text) <= 1024, "use at most 1 KiB of UTF-8"),
  ),
);

/** Matches a session token (`sessions/token.ts`) anywhere in a text, for example behind a prefix of the caller's. */
const sessionToken = /lrs_[\w-]{87}/;

/** Checks an id from outside. It becomes part of a key name, which logs and Redis tools show, so it must not be secret. */
export const idSchema: () => z.ZodType<string, unknown> = once(() =>
  z.check(
    textSchema(),
    z.refine(
      (id) => !sessionToken.test(id),
      "this contains a session token, which is secret: use an id of your own, or an id that verify(token) returns",
    ),
  ),
);

/** Returns true for an object that has these methods. */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function")
  );
}

/** Checks a whole number of at least 1. */
export const countSchema: () => z.ZodType<number, unknown> = once(() =>
  z.check(z.int("use a whole number"), z.gte(1, "use at least 1")),
);
