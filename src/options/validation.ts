import { z } from "zod";
import { InvalidOptionError } from "../errors.js";

/** Checks a value; the first thing wrong with it becomes an InvalidOptionError that says how to mend it. */
export function validate<Schema extends z.ZodType>(schema: Schema, name: string, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  // An unknown name first: a misspelt one leaves its right spelling missing.
  const issues = parsed.error.issues;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (issue?.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    throw noSuchOption([...issue.path, key].join("."), known);
  }
  throw new InvalidOptionError(issue?.path.join(".") || name, `${issue?.message ?? "not valid"}.`);
}

/** For those who come from @langchain/redis or @langchain/community. */
const renamed: ReadonlyMap<string, string> = new Map([
  ["sessionTTL", "ttl"],
  ["url", "client: connect(url)"],
  ["config", "client: connect(url)"],
]);

/** `known`: those that there are. */
export function noSuchOption(option: string, known: readonly string[]): InvalidOptionError {
  const name = renamed.get(option);
  const others = known.length === 0 ? "see its type for those there are" : `there are ${known.join(", ")}`;
  return new InvalidOptionError(
    option,
    `there is no such option; ${name === undefined ? others : `here it is ${name}`}.`,
  );
}

/** A short text from outside. A lone surrogate has no UTF-8, so two that differ only there would be stored alike. */
export const textSchema: z.ZodString = z
  .string("use a string")
  .min(1, "use a string that is not empty")
  .refine((text) => text.isWellFormed(), "use well-formed Unicode (this holds a lone surrogate)")
  .refine((text) => Buffer.byteLength(text) <= 1024, "use at most 1 KiB of UTF-8");

/** The shape of what `sessions/token.ts` makes, wherever it stands: also behind a prefix of the caller's. */
const sessionToken = /lrs_[\w-]{87}/;

/** An id from outside. It becomes part of a key name, which logs and tools of Redis show: no place for a secret. */
export const idSchema: z.ZodString = textSchema.refine(
  (id) => !sessionToken.test(id),
  "this holds a session token, which is secret: use an id of your own, or what verify(token) returns",
);

export const countSchema: z.ZodType<number> = z.int("use a whole number").min(1, "use at least 1");
