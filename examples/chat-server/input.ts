import type { Context } from "hono";
import { ConversationNotFoundError, InvalidOptionError } from "langchain-redis-sessions";
import { z } from "zod";
import { ServiceError } from "./problems.js";

// What comes from outside is parsed where it enters; what is wrong with it, and how to mend it, is told: 400 when it is
// no JSON, 422 when it is not the JSON that is needed.

export async function bodyOf<Schema extends z.ZodType>(c: Context, schema: Schema): Promise<z.output<Schema>> {
  let body: unknown;
  try {
    body = JSON.parse(await c.req.text());
  } catch (error) {
    if (c.req.raw.signal.aborted) throw new ServiceError("CLIENT_GONE");
    if (!(error instanceof SyntaxError)) throw error;
    throw new ServiceError("INVALID_BODY");
  }
  return parsed(schema, body, "body");
}

export function queryOf<Schema extends z.ZodType>(c: Context, schema: Schema): z.output<Schema> {
  return parsed(schema, c.req.query(), "query");
}

export function paramOf(c: Context, name: string): string {
  return parsed(id, c.req.param(name), name);
}

/** One that is not as the library makes them is none of the user's. */
export function conversationOf(c: Context): string {
  const named = conversationId.safeParse(c.req.param("id"));
  if (!named.success) throw new ConversationNotFoundError();
  return named.data;
}

/** What is done with input of which only the store can tell that it cannot be used: that is the client's mistake. */
export async function withInput<Done>(work: Promise<Done>): Promise<Done> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    throw new ServiceError("INVALID_INPUT", { detail: error.message });
  }
}

/** Names a write, so that sending it again has no second effect; absent, each request is a new one. */
export function writeOptions(c: Context): { operationId?: string } {
  const key = c.req.header("Idempotency-Key");
  return key === undefined ? {} : { operationId: parsed(idempotencyKey, key, "Idempotency-Key") };
}

/** Of a value that is to be written only if it still has the version that it was read with; 0, if it is not there. */
export function ifMatch(c: Context): { ifVersion?: number } {
  const header = c.req.header("If-Match");
  return header === undefined ? {} : { ifVersion: parsed(version, header, "If-Match") };
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.join(".") || what, message }));
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new ServiceError("INVALID_INPUT", { detail, errors });
}

const wellFormed = (text: string): boolean => text.isWellFormed();

export const text = (longest: number): z.ZodString =>
  z
    .string("use a text")
    .min(1, "use a text that is not empty")
    .max(longest, `use at most ${longest} characters`)
    .refine(wellFormed, "use well-formed Unicode");

/** What the library takes for an id or a key. */
export const id: z.ZodString = text(1_024)
  .refine((value) => Buffer.byteLength(value) <= 1_024, "use at most 1024 bytes of UTF-8")
  .refine(isNoToken, "this holds a session token, which is secret");

/** As the library makes them. */
export const conversationId: z.ZodString = z.string().regex(/^[\w-]{22}$/, "use the id of a conversation");

/** Of a message, as the library makes them. */
export const position: z.ZodString = z.string().regex(/^\d{1,17}-\d{1,15}$/, "use the position of a message");

const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, "use 1 to 200 visible ASCII characters, a UUID say")
  .refine(isNoToken, "this holds a session token, which is secret");

const version = z
  .string()
  .regex(/^"\d{1,16}"$/, 'use the version in quotes, such as "3"')
  .transform((quoted) => Number(quoted.slice(1, -1)));

/** An id is part of a key's name in Redis, so the library refuses to take a token for one. */
function isNoToken(value: string): boolean {
  return !/lrs_[\w-]{87}/.test(value);
}

/** Of a query string, so it comes as text. */
export const wholeNumber = (most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "use a whole number")
    .transform(Number)
    .refine((number) => number <= most, `use at most ${most}`);
export const pageSize = wholeNumber(100).refine((number) => number >= 1, "use at least 1");
