export type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Deeper values go to rich.ts, which distinguishes a cycle from mere depth. */
const MAX_FAST_DEPTH = 64;

/**
 * Returns `true` if native JSON restores these fields unchanged, which holds for most messages. A property whose value
 * is undefined is allowed. Any other value that JSON would silently omit or change is not.
 */
export function isPlainJson(fields: Fields): boolean {
  try {
    return isPlainObject(fields, 0);
  } catch {
    // A getter threw. The writer in rich.ts meets the same getter and knows its path.
    return false;
  }
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === undefined || value === null) return true;
  // Infinity and NaN minus themselves are NaN. 1 / -0 is -Infinity, which distinguishes -0 from 0.
  if (typeof value === "number") return value === 0 ? 1 / value > 0 : value - value === 0;
  if (!isObject(value) || depth === MAX_FAST_DEPTH) return false;
  return Array.isArray(value) ? isPlainArray(value, depth + 1) : isPlainObject(value, depth + 1);
}

function isPlainArray(items: readonly unknown[], depth: number): boolean {
  // Iterates by index, because for…of and every() are slower, and every() skips holes.
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (item === undefined || !isPlain(item, depth)) return false;
  }
  return true;
}

function isPlainObject(fields: Fields, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(fields);
  if (prototype !== Object.prototype && prototype !== null) return false;
  // for…in is the fastest iteration. Besides own keys, it visits only properties that a program added to
  // Object.prototype.
  for (const key in fields) {
    if (!isPlain(fields[key], depth)) return false;
  }
  return true;
}
