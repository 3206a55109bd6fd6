/**
 * Returns a function that makes a value when it is first called, and returns that value from then on.
 *
 * Schemas are made this way: to make those of all options takes longer than to load this package, and a program uses few.
 */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
