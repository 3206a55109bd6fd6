import { InvalidOptionError } from "../errors.js";

/** Returns whether the value of an item matches a search. */
export type Matches = (value: Readonly<Record<string, unknown>>) => boolean;

type Compare = (field: unknown) => boolean;

const comparisons: Readonly<Record<string, (operand: unknown, name: string) => Compare>> = {
  $eq: (operand, name) => equalTo(operand, name),
  $ne: (operand, name) => not(equalTo(operand, name)),
  $gt: (operand) => (field) => Number(field) > Number(operand),
  $gte: (operand) => (field) => Number(field) >= Number(operand),
  $lt: (operand) => (field) => Number(field) < Number(operand),
  $lte: (operand) => (field) => Number(field) <= Number(operand),
  $in: (operand, name) => oneOf(operand, name),
  $nin: (operand, name) => not(oneOf(operand, name)),
};

/**
 * Returns a predicate that compares as InMemoryStore does: top-level fields, each with a value or with operators.
 * Refuses a filter that could never match anything.
 *
 * @throws InvalidOptionError for an unknown operator, or if a field is compared with an object or an array.
 */
export function filterOf(filter: Readonly<Record<string, unknown>> | null | undefined): Matches | undefined {
  if (filter === undefined || filter === null) return undefined;
  if (typeof filter !== "object") throw new InvalidOptionError("filter", "pass an object of fields and values.");
  const fields = Object.entries(filter).map(
    ([name, wanted]) => [name, comparisonOf(`filter.${name}`, wanted)] as const,
  );
  if (fields.length === 0) return undefined;
  return (value) => fields.every(([name, matches]) => matches(Object.hasOwn(value, name) ? value[name] : undefined));
}

function comparisonOf(name: string, wanted: unknown): Compare {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) return equalTo(wanted, name);
  const all = Object.entries(wanted).map(([operator, operand]) => {
    const compare = Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
    if (compare !== undefined) return compare(operand, `${name}.${operator}`);
    const known = Object.keys(comparisons).join(", ");
    throw new InvalidOptionError(name, `use one of the operators ${known}; ${JSON.stringify(operator)} is unknown.`);
  });
  return (field) => all.every((matches) => matches(field));
}

function equalTo(operand: unknown, name: string): Compare {
  if (typeof operand === "object" && operand !== null) {
    throw new InvalidOptionError(
      name,
      "compare with a string, a number, a boolean or null; objects and arrays are never equal.",
    );
  }
  return (field) => field === operand;
}

function oneOf(operand: unknown, name: string): Compare {
  if (!Array.isArray(operand)) throw new InvalidOptionError(name, "pass an array.");
  const values: readonly unknown[] = operand;
  return (field) => values.includes(field);
}

function not(compare: Compare): Compare {
  return (field) => !compare(field);
}
