// The only place that spells a key. What one history owns shares one hash tag, `{<id>}`, and so one Cluster slot.
//
// An id comes from outside and may be anything: `a}:messages`, `*`, "\0", a name in any script. Percent-encoding
// (RFC 3986, unreserved characters stay readable) maps different ids to different keys, and leaves no brace that
// could move the hash tag, no colon that could imitate a key's next part, no glob that a SCAN or an ACL would match.

export interface HistoryKeys {
  /** A list: one message per element, oldest first. */
  readonly messages: string;
  /** A hash, there only after a `clear()`: when it ran. */
  readonly meta: string;
  /** A string, there for a while after a write: what was written under this operation id. */
  readonly operation: (operationId: string) => string;
}

export function historyKeys(prefix: string, sessionId: string): HistoryKeys {
  const base = `${prefix}:history:{${encode(sessionId)}}`;
  return {
    messages: `${base}:messages`,
    meta: `${base}:meta`,
    operation: (operationId) => `${base}:operation:${encode(operationId)}`,
  };
}

function encode(id: string): string {
  // encodeURIComponent leaves these five, which RFC 3986 reserves; `*` is a glob.
  return encodeURIComponent(id).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}
