import type { Linear } from "./parameters.js";

/**
 * Coefficients with which the features come closest to the values, counting relative errors: a long conversation must
 * not drown a short one. A feature that never varies beside another one (or is 0 throughout) gets 0.
 */
export function leastSquares(features: readonly (readonly number[])[], values: readonly number[]): number[] {
  const width = features[0]?.length ?? 0;
  const normal = Array.from({ length: width }, () => Array.from({ length: width + 1 }, () => 0));
  for (const [row, feature] of features.entries()) {
    const value = values[row] ?? 0;
    const weight = 1 / (value * value || 1);
    for (const [i, line] of normal.entries()) {
      for (let j = 0; j < width; j++) line[j] = (line[j] ?? 0) + weight * (feature[i] ?? 0) * (feature[j] ?? 0);
      line[width] = (line[width] ?? 0) + weight * (feature[i] ?? 0) * value;
    }
  }
  return solve(normal);
}

/** The straight line through what was measured of things of so many messages (or members, or values) and so much text. */
export function lineThrough(points: readonly { items: number; bytes: number }[], values: readonly number[]): Linear {
  const [base = 0, perItem = 0, perByte = 0] = leastSquares(
    points.map(({ items, bytes }) => [1, items, bytes]),
    values,
  );
  return { base, perItem, perByte };
}

/** Gauss and Jordan, without the unknowns that the equations leave open. */
function solve(equations: readonly number[][]): number[] {
  const width = equations.length;
  const scale = equations.map((line, index) => Math.abs(line[index] ?? 0));
  for (let column = 0; column < width; column++) {
    const line = equations[column] ?? [];
    const pivot = line[column] ?? 0;
    // What the columns before already say leaves next to nothing here.
    if (pivot <= 1e-9 * (scale[column] ?? 0)) {
      for (const other of equations) other[column] = 0;
      line.fill(0);
      continue;
    }
    for (let index = 0; index <= width; index++) line[index] = (line[index] ?? 0) / pivot;
    for (const [row, other] of equations.entries()) {
      const factor = other[column] ?? 0;
      if (row === column || factor === 0) continue;
      for (let index = 0; index <= width; index++) other[index] = (other[index] ?? 0) - factor * (line[index] ?? 0);
    }
  }
  return equations.map((line) => line[width] ?? 0);
}
