import { types } from "node:util";

type ViewClass = (new (buffer: ArrayBuffer) => ArrayBufferView) & { readonly BYTES_PER_ELEMENT?: number };

/** Looked up by name: older versions of Node have no Float16Array. */
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

/** Asks for what a value is, not for its class: test runners and workers hand over instances of another realm's. */
export function isByteValue(value: object): value is ArrayBufferView | ArrayBufferLike {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/** Wide elements keep the byte order of the machine, little-endian wherever Node commonly runs. */
export function writeBytes(value: ArrayBufferView | ArrayBufferLike): [kind: string, standIn: string] {
  if (!ArrayBuffer.isView(value)) return ["ArrayBuffer", Buffer.from(value).toString("base64")];
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return [Buffer.isBuffer(value) ? "Buffer" : nameOfClass(value), bytes.toString("base64")];
}

/** `undefined`: no such kind, or the stand-in does not fit it. */
export function reviveBytes(kind: unknown, standIn: unknown): unknown {
  if (typeof standIn !== "string") return undefined;
  const bytes = Buffer.from(standIn, "base64");
  // Buffer.from() skips what is no base64.
  if (bytes.toString("base64") !== standIn) return undefined;
  if (kind === "Buffer") return bytes;
  // A copy: the bytes of a small Buffer sit in a pool that others share.
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
