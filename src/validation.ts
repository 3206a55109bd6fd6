import { z } from "zod";
import { InvalidOptionError } from "./errors.js";

/** Checks a value; the first thing wrong with it becomes an InvalidOptionError that says how to mend it. */
export function validate<Schema extends z.ZodType>(schema: Schema, name: string, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys") {
    throw new InvalidOptionError(issue.keys.join(", "), "there is no such option.");
  }
  throw new InvalidOptionError(issue?.path.join(".") || name, `${issue?.message ?? "not valid"}.`);
}

/** An id from outside. A lone surrogate has no UTF-8, so two ids that differ only there would meet in one key. */
export const idSchema: z.ZodString = z
  .string("use a string")
  .min(1, "use a string that is not empty")
  .refine((id) => id.isWellFormed(), "use well-formed Unicode (this holds a lone surrogate)")
  .refine((id) => Buffer.byteLength(id) <= 1024, "use at most 1 KiB of UTF-8");

export const countSchema: z.ZodType<number> = z.int("use a whole number").min(1, "use at least 1");
