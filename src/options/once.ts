/**
 * Returns a function that makes a value on its first call, and returns the same value from then on.
 *
 * Schemas are made this way, because making the schemas of all options takes longer than loading this package, and a program
 * uses few of them.
 */
export function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
