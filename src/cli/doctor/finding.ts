/** The finding of a check. */
export interface Finding {
  readonly verdict: "ok" | "change" | "unknown";
  /** The state that was found, in a few words. */
  readonly found: string;
  /** The change to make, and its reason. Absent if nothing has to change. */
  readonly advice?: string;
}

export function ok(found: string): Finding {
  return { verdict: "ok", found };
}

export function change(found: string, advice: string): Finding {
  return { verdict: "change", found, advice };
}

/** Returns the finding for a state that could not be read, which is no fault. */
export function unknown(found: string, advice: string): Finding {
  return { verdict: "unknown", found, advice };
}
