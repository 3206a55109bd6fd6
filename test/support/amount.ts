/** How often, or which: the first as a rule, the second in `npm run test:long`. */
export function amount<Amount>(short: Amount, long: Amount): Amount {
  return isLong() ? long : short;
}

/** Cases of one kind: the first as a rule, all of them in `npm run test:long`. */
export function sampleOf<const Cases extends readonly unknown[]>(...cases: Cases): readonly Cases[number][] {
  return isLong() ? cases : cases.slice(0, 1);
}

function isLong(): boolean {
  return process.env["LONG"] === "1";
}
