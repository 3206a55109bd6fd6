/** How often: so often in `npm test`, so often in `npm run test:long`. */
export function amount(short: number, long: number): number {
  return process.env["LONG"] === "1" ? long : short;
}
