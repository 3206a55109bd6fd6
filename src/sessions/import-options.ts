import * as z from "../options/schema.js";
import { InvalidOptionError } from "../errors.js";
import { digestOf } from "../options/digest.js";
import { idFrom, kindOfId } from "../options/ids.js";
import { idSchema, textSchema, validate } from "../options/validation.js";
import { newOperationId, type WriteOptions, writeShape } from "../redis/operation.js";
import type { ExportedConversation } from "./exported.js";
import { once } from "../options/once.js";

/** Options of {@link Conversations.import}. */
export interface ImportOptions extends WriteOptions {
  /**
   * The id of the imported conversation. With `"new"`, it gets a new id that is derived from the `operationId`, so that it
   * does not collide with the conversation that has the id of the record.
   * @default the id of the record
   */
  id?: string | undefined;
  /**
   * The agent of the imported conversation.
   * @default the agent of the record
   */
  agentId?: string | undefined;
}

/** A record and its options. Everything but the messages is checked. */
export interface ParsedImport {
  readonly id: string;
  readonly agentId: string;
  readonly operationId: string;
  /** Name, value, … of the conversation's hash. */
  readonly fields: readonly string[];
  readonly messages: readonly unknown[];
}

/** Returns true for a time in the form of `Date.prototype.toISOString`. */
export function isTimeText(value: unknown): value is string {
  if (typeof value !== "string" || value.length > 30) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
}

const timeSchema = once(() => z.custom<string>(isTimeText, "use a time in ISO 8601, such as 2026-11-21T10:00:00.000Z"));
const madeIdSchema = once(() =>
  z.check(
    z.string("use the id of a conversation"),
    z.refine((id) => kindOfId(id) === "conversation", "use the id of a conversation of this library"),
  ),
);
const recordSchema = once(() =>
  z.strictObject(
    {
      kind: z.optional(z.literal("conversation", "pass a record of a conversation")),
      format: z.literal(
        "langchain-redis-sessions/conversation/1",
        'pass the result of conversations.export(); its format is "langchain-redis-sessions/conversation/1"',
      ),
      id: madeIdSchema(),
      agentId: idSchema(),
      title: z.optional(textSchema()),
      forkedFrom: z.optional(idSchema()),
      createdAt: timeSchema(),
      lastActivityAt: timeSchema(),
      messages: z.custom<readonly unknown[]>(Array.isArray, "use an array of messages"),
      continues: z.optional(z.undefined("add the messages of the records that follow, and leave this out")),
    },
    "pass the result of conversations.export()",
  ),
);
const optionsSchema = once(() =>
  z.strictObject(
    {
      ...writeShape(),
      id: z.optional(z.union([z.literal("new"), madeIdSchema()], 'use the id of a conversation, or "new"')),
      agentId: z.optional(idSchema()),
    },
    "pass an object, such as { agentId }",
  ),
);

/**
 * Checks a record, except its messages, and the options.
 *
 * @param base the common part of the owner's keys.
 * @throws InvalidOptionError if the record is not one of a whole conversation, or an option is unknown or invalid.
 */
export function parseImport(record: ExportedConversation, options: ImportOptions, base: string): ParsedImport {
  const given = validate(optionsSchema(), "options", options);
  const { operationId = newOperationId() } = given;
  const parsed = validate(recordSchema(), "record", record);
  if (parsed.messages.length === 0) {
    throw new InvalidOptionError("record.messages", "it is empty; a conversation needs at least one message.");
  }
  const id =
    given.id === "new" ? idFrom("conversation", digestOf("import", base, operationId)) : (given.id ?? parsed.id);
  const agentId = given.agentId ?? parsed.agentId;
  const { title, forkedFrom, createdAt, messages } = parsed;
  const held = { agentId, createdAt: String(Date.parse(createdAt)), title, forkedFrom };
  const fields = Object.entries(held).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return { id, agentId, operationId, fields, messages };
}
