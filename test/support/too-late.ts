/**
 * "too late" after so many milliseconds: to race against a call with a deadline. After a pause of this process both timers
 * are due at once, and the deadline's own, which came first, settles its call in an immediate: so does this one.
 */
export function tooLateAfter(milliseconds: number): Promise<"too late"> {
  return new Promise((resolve) => {
    setTimeout(() => setImmediate(() => resolve("too late")), milliseconds);
  });
}
