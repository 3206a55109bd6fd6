/**
 * The built package is measured: the loader that runs TypeScript slows closures down. `--sources` is for a test, which
 * has nothing built, and goes with a tsconfig whose paths lead to `src`.
 */
export const readFrom = process.argv.includes("--sources") ? "src" : "dist";
