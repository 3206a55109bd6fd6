import { jsonTextOf } from "../options/json-text.js";
import { refusalOf } from "../redis/refusals.js";
import type { Changed } from "./change-value.js";
import { decodeValue, type OpenedValue } from "./values.js";

// Increments and appends to a sealed value in the client, because the scripts cannot read it. The rules are the scripts'.

/** Adds to a whole number. A missing value counts as 0. */
export function incremented(key: string, current: OpenedValue | undefined, by: number): Changed {
  const json = current?.json ?? "0";
  if (!/^-?\d+$/.test(json)) return { unfit: refusalOf("not-integer", { subject: key }, []) };
  const held = Number(json);
  // -0 is 0, as in the script.
  const sum = held + by || 0;
  if (!Number.isSafeInteger(held) || !Number.isSafeInteger(sum)) {
    return { unfit: refusalOf("unsafe", { subject: key }, []) };
  }
  return { json: String(sum), items: 0, result: sum };
}

/**
 * Appends an item, given as JSON, to an array. Drops the oldest items beyond `max`, unless `max` is 0. A missing value counts
 * as an empty array.
 */
export function appended(key: string, current: OpenedValue | undefined, item: string, max: number): Changed {
  const json = current?.json ?? "[]";
  const held = json.startsWith("[") ? decodeValue(key, json) : undefined;
  if (!Array.isArray(held)) return { unfit: refusalOf("not-array", { subject: key }, []) };
  const surplus = max > 0 ? Math.max(0, held.length + 1 - max) : 0;
  const length = held.length + 1 - surplus;
  return {
    json: length === 1 ? `[${item}]` : `[${before(json, held, surplus)},${item}]`,
    items: length,
    result: length,
  };
}

/** Returns the items that stay, as JSON without the brackets. */
function before(json: string, held: readonly unknown[], surplus: number): string {
  if (surplus === 0) return json.slice(1, -1);
  return held
    .slice(surplus)
    .map((one) => jsonTextOf("item", one))
    .join(",");
}
