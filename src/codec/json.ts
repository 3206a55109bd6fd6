export type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Beyond this the careful way of rich.ts takes over, which tells a cycle from mere depth. */
const MAX_FAST_DEPTH = 64;

/**
 * Whether native JSON gives these fields back as they are, so that most messages need no second look. Properties that
 * JSON leaves out (undefined) do not count against it; all else does that JSON would change without a word.
 */
export function isPlainJson(fields: Fields): boolean {
  try {
    return isPlainObject(fields, 0);
  } catch {
    // A getter threw: rich.ts will run into it too, and knows where it is.
    return false;
  }
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === undefined || value === null) return true;
  // Infinity and NaN leave NaN here; what tells -0 from 0 is what it divides into.
  if (typeof value === "number") return value === 0 ? 1 / value > 0 : value - value === 0;
  if (!isObject(value) || depth === MAX_FAST_DEPTH) return false;
  return Array.isArray(value) ? isPlainArray(value, depth + 1) : isPlainObject(value, depth + 1);
}

function isPlainArray(items: readonly unknown[], depth: number): boolean {
  // By index: for…of and every() are slower, and every() skips holes.
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (item === undefined || !isPlain(item, depth)) return false;
  }
  return true;
}

function isPlainObject(fields: Fields, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(fields);
  if (prototype !== Object.prototype && prototype !== null) return false;
  // for…in is the fastest walk; beyond own keys it finds only what someone added to Object.prototype.
  for (const key in fields) {
    if (!isPlain(fields[key], depth)) return false;
  }
  return true;
}
