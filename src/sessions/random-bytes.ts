import { randomBytes } from "node:crypto";

/** The number of bytes that are drawn at once. */
const DRAWN_BYTES = 1_024;
const NONE = Buffer.alloc(0);

let rest = NONE;

/**
 * Returns random bytes, which are given out once. Those of one tick are drawn together, because to ask for random bytes
 * takes 15 µs, however many they are. None are kept for a later tick: a copy of the process's memory must not hold the
 * token of a session that does not exist yet.
 */
export function drawBytes(size: number): Buffer {
  if (rest.length < size) {
    if (rest === NONE) process.nextTick(forget);
    rest = randomBytes(Math.max(size, DRAWN_BYTES));
  }
  const drawn = rest.subarray(0, size);
  rest = rest.subarray(size);
  return drawn;
}

function forget(): void {
  rest.fill(0);
  rest = NONE;
}
