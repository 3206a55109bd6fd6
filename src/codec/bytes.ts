import { types } from "node:util";

type ViewClass = (new (buffer: ArrayBuffer) => ArrayBufferView) & { readonly BYTES_PER_ELEMENT?: number };

/** Looked up by name, because older versions of Node have no Float16Array. */
const VIEWS: ReadonlyMap<unknown, ViewClass> = new Map(
  [
    "DataView",
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "BigInt64Array",
    "BigUint64Array",
    "Float16Array",
    "Float32Array",
    "Float64Array",
  ].flatMap((name): [string, ViewClass][] => {
    const View: unknown = Reflect.get(globalThis, name);
    return isClass(View) ? [[name, View]] : [];
  }),
);

function isClass(value: unknown): value is ViewClass {
  return typeof value === "function";
}

/**
 * Returns `true` for an ArrayBuffer, a SharedArrayBuffer or a view of one. Does not use `instanceof`, because test
 * runners and workers pass instances of another realm's classes.
 */
export function isByteValue(value: object): value is ArrayBufferView | ArrayBufferLike {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/**
 * Returns the kind of a byte value and its bytes in base64. Elements of several bytes keep the byte order of the
 * machine, which is little-endian on all common platforms of Node.
 */
export function writeBytes(value: ArrayBufferView | ArrayBufferLike): [kind: string, standIn: string] {
  if (!ArrayBuffer.isView(value)) return ["ArrayBuffer", Buffer.from(value).toString("base64")];
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return [Buffer.isBuffer(value) ? "Buffer" : nameOfClass(value), bytes.toString("base64")];
}

/** Returns the byte value, or `undefined` if the kind is unknown or the stand-in does not fit the kind. */
export function reviveBytes(kind: unknown, standIn: unknown): unknown {
  if (typeof standIn !== "string") return undefined;
  const bytes = Buffer.from(standIn, "base64");
  // Buffer.from() skips characters that are not base64.
  if (bytes.toString("base64") !== standIn) return undefined;
  if (kind === "Buffer") return bytes;
  // Copied, because a small Buffer shares its memory with other Buffers.
  const { buffer } = new Uint8Array(bytes);
  if (kind === "ArrayBuffer") return buffer;
  const View = VIEWS.get(kind);
  if (View === undefined || buffer.byteLength % (View.BYTES_PER_ELEMENT ?? 1) !== 0) return undefined;
  return new View(buffer);
}

function nameOfClass(value: object): string {
  const name = Object.prototype.toString.call(value).slice("[object ".length, -"]".length);
  return VIEWS.has(name) ? name : "Uint8Array";
}
