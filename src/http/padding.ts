// What stands around a value in a header is space and tab (RFC 9110, 5.6.3: OWS), and nothing else. `String.trim()`
// removes more: a cookie whose name begins with the byte A0 is another one to a browser, which lets a neighbouring host
// set it where it protects the name without.

const isPadding = (code: number): boolean => code === 0x20 || code === 0x09;

/** Returns a part of a header's value without the spaces and tabs around it. */
export function withoutPadding(text: string): string {
  let [start, end] = [0, text.length];
  // Not by a regular expression, which takes time quadratic in a long run of spaces.
  while (start < end && isPadding(text.charCodeAt(start))) start++;
  while (end > start && isPadding(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
