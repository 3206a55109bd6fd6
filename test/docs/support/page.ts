/** Returns the text below a heading, up to the next heading of the same level or a higher one. */
export function sectionOf(page: string, heading: string): string {
  const [found = "", marks = ""] = [...page.matchAll(/^(#+) (.*)$/gm)].find(([, , text]) => text === heading) ?? [];
  const after = page.slice(page.indexOf(found) + found.length);
  const end = new RegExp(`^#{1,${marks.length}} `, "m").exec(after)?.index ?? after.length;
  return found === "" ? "" : after.slice(0, end);
}

/** A program of a page. Of a comparison, what was there before, and what the page recommends. */
export interface Fragment {
  readonly before: string | undefined;
  readonly code: string;
}

/** Returns the programs in TypeScript, and the comparisons, of a page. */
export function fragmentsOf(page: string): readonly Fragment[] {
  return [...page.matchAll(/^```(ts|diff)\n(.*?)^```$/gms)].map(([, kind, code = ""]) =>
    kind === "ts" ? { before: undefined, code } : { before: sideOf(code, "+"), code: sideOf(code, "-") },
  );
}

/** Returns one side of a comparison: without the lines of the other side. */
function sideOf(diff: string, other: "+" | "-"): string {
  return diff
    .split("\n")
    .filter((line) => !line.startsWith(other))
    .map((line) => line.slice(1))
    .join("\n");
}
