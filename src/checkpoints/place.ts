import { InvalidOptionError } from "../errors.js";

// A place names a checkpoint in scripts: "<namespace>\n<id>". Ids come from callers and may hold any character, so line
// feeds and percent signs in them are escaped.

/** @throws InvalidOptionError when the id is not a well-formed string. */
export function escaped(name: string, id: unknown): string {
  if (typeof id !== "string" || !id.isWellFormed()) {
    throw new InvalidOptionError(name, "use a well-formed string.");
  }
  return id.replaceAll(/[%\n]/g, (character) => (character === "%" ? "%25" : "%0A"));
}

export function unescaped(text: string): string {
  return text.replaceAll(/%(25|0A)/g, (_, code) => (code === "25" ? "%" : "\n"));
}

export function placeOf(namespace: string, id: string): string {
  return `${escaped("checkpoint_ns", namespace)}\n${escaped("checkpoint_id", id)}`;
}

export function partsOf(place: string): { namespace: string; id: string } {
  const at = place.indexOf("\n");
  return { namespace: unescaped(place.slice(0, at)), id: unescaped(place.slice(at + 1)) };
}
