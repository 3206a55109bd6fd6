/** What a check found. */
export interface Finding {
  readonly verdict: "ok" | "change" | "unknown";
  /** What is so: of a few words. */
  readonly found: string;
  /** What to do, and why. Absent when nothing is to be done. */
  readonly advice?: string;
}

export function ok(found: string): Finding {
  return { verdict: "ok", found };
}

export function change(found: string, advice: string): Finding {
  return { verdict: "change", found, advice };
}

/** It could not be read, which is no fault. */
export function unknown(found: string, advice: string): Finding {
  return { verdict: "unknown", found, advice };
}
