import type { Expected } from "../encryption/opening.js";
import { open } from "../encryption/vault.js";
import { CorruptMessageError } from "../errors.js";
import type { Value } from "../redis/port.js";
import { HEADER_BYTES, SEALED_MARK, SIZE_DIGITS } from "../redis/scripts/fragments/memory.js";
import type { Belonging, Sealer, Stored } from "../redis/sealing.js";
import type { Connection } from "../redis/send.js";
import type { MemoryPlace, MemorySpace } from "./place.js";
import type { OpenedValue } from "./values.js";

// A sealed value starts with the size of its text in bytes, because the script counts these bytes for the limits, and not
// those of the envelope. See redis/scripts/fragments/memory.ts.

const PREFIX_BYTES = SEALED_MARK.length + SIZE_DIGITS;
/** The most bytes that Redis stores under one key. */
const MAX_BYTES = 536_870_912;

/** Binds a value to its key and namespace, so that it cannot be opened at another place. */
function valueOf({ name }: Pick<MemorySpace, "name">, key: string): Belonging {
  return { kind: "memory", within: `${name.length}:${name}:${key}` };
}

/** Binds the result of an operation to its operation id, so that it cannot be opened as the result of another. */
function resultOf({ name }: MemorySpace, operationId: string): Belonging {
  return { kind: "memory result", within: `${name.length}:${name}:${operationId}` };
}

/** Returns a value as it is stored, without its header. */
export function sealValue(
  sealer: Sealer | undefined,
  space: Pick<MemorySpace, "name">,
  key: string,
  json: string,
): Value {
  const sealed = sealer?.seal(json, valueOf(space, key)) ?? json;
  if (typeof sealed === "string") return sealed;
  const size = String(Buffer.byteLength(json)).padStart(SIZE_DIGITS, "0");
  return Buffer.concat([Buffer.from(SEALED_MARK + size), sealed]);
}

export function sealResult(sealer: Sealer | undefined, space: MemorySpace, operationId: string, result: number): Value {
  return sealer?.seal(String(result), resultOf(space, operationId)) ?? String(result);
}

/**
 * Returns the recorded result of an operation.
 *
 * @throws CorruptMessageError if the record was altered.
 */
export async function openResult(
  { connection, space }: MemoryPlace,
  operationId: string,
  stored: Stored,
): Promise<number> {
  const { kind, within } = resultOf(space, operationId);
  return Number(await opened(connection, stored, { kind, within, maxBytes: MAX_BYTES }, "The result of an operation"));
}

/**
 * Opens a stored value. Returns it without a promise if nothing is sealed.
 *
 * @throws CorruptMessageError if this library did not write the value, or it was sealed for another place.
 */
export function openValue(
  { connection, space }: MemoryPlace,
  key: string,
  stored: Stored,
): OpenedValue | Promise<OpenedValue> {
  const { version, deadline } = headerOf(stored);
  const { vault } = connection;
  if (typeof stored === "string" && vault === undefined && stored[HEADER_BYTES] !== SEALED_MARK) {
    return { json: stored.slice(HEADER_BYTES), version, deadline };
  }
  const { kind, within } = valueOf(space, key);
  const expected = { kind, within, maxBytes: MAX_BYTES };
  const what = `The value of ${JSON.stringify(key)}`;
  return opened(connection, bodyOf(stored, what), expected, what).then((json) => ({ json, version, deadline }));
}

function headerOf(stored: Stored): { version: number; deadline: number } {
  const header = typeof stored === "string" ? stored : stored.toString("latin1", 0, HEADER_BYTES);
  const [, version, deadline] = /^(\d{16}) (\d{13}) \d{10} /.exec(header) ?? [];
  if (version === undefined) throw new CorruptMessageError("A value of agent memory is not what this library wrote.");
  return { version: Number(version), deadline: Number(deadline) };
}

/** Returns the part behind the header: JSON, or the envelope. */
function bodyOf(stored: Stored, what: string): Stored {
  if (typeof stored !== "string") {
    const isSealed = stored[HEADER_BYTES] === SEALED_MARK.charCodeAt(0);
    return stored.subarray(isSealed ? HEADER_BYTES + PREFIX_BYTES : HEADER_BYTES);
  }
  // Without a vault the reply was read as text, in which an envelope cannot be opened.
  if (stored[HEADER_BYTES] === SEALED_MARK) {
    throw unreadable(what, "it is sealed: pass the `encryption` that sealed it");
  }
  return stored.slice(HEADER_BYTES);
}

async function opened(connection: Connection, stored: Stored, expected: Expected, what: string): Promise<string> {
  const [text] = await open(connection, [stored], expected);
  if (typeof text === "string") return text;
  throw unreadable(what, text?.reason ?? "it is missing");
}

function unreadable(what: string, reason: string): CorruptMessageError {
  return new CorruptMessageError(`${what} cannot be read: ${reason}.`);
}
