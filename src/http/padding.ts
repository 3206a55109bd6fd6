// Only spaces and tabs may surround a value in a header (RFC 9110, 5.6.3: OWS). `String.trim()` removes more
// characters, such as the byte A0. To a browser, a cookie whose name begins with that byte is another cookie: the rules
// of the prefix `__Host-` do not protect it, so a neighbouring host can set it.

const isPadding = (code: number): boolean => code === 0x20 || code === 0x09;

/** Returns the text without the spaces and tabs around it. */
export function withoutPadding(text: string): string {
  let [start, end] = [0, text.length];
  // Not a regular expression, which takes quadratic time on a long run of spaces.
  while (start < end && isPadding(text.charCodeAt(start))) start++;
  while (end > start && isPadding(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
