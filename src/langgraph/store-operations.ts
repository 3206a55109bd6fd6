import {
  type GetOperation,
  InvalidNamespaceError,
  type ListNamespacesOperation,
  type Operation,
  type PutOperation,
  type SearchOperation,
} from "@langchain/langgraph-checkpoint";
import * as z from "../options/schema.js";
import { InvalidOptionError } from "../errors.js";
import { filterOf } from "../items/filter.js";
import type { NamespaceListing } from "../items/list-namespaces.js";
import { type ItemName, parseItemKey, parseLabels } from "../items/names.js";
import type { Search } from "../items/search-items.js";
import type { Change } from "../items/write-items.js";
import { jsonTextOf } from "../options/json-text.js";
import { validate } from "../options/validation.js";
import { once } from "../options/once.js";

/** A validated operation of a batch. */
export type CheckedOperation =
  | { readonly kind: "get"; readonly name: ItemName }
  | { readonly kind: "search"; readonly search: Search }
  | { readonly kind: "put"; readonly change: Change }
  | { readonly kind: "list"; readonly listing: NamespaceListing };

const amountSchema = once(() => z.check(z.int("use a whole number"), z.gte(0, "use 0 or more")));
const depthSchema = once(() => z.check(z.int("use a whole number"), z.gte(1, "use at least 1")));

/**
 * Validates an operation. Tells the kinds of operations apart as InMemoryStore does.
 *
 * @throws InvalidNamespaceError, a class of LangGraph, when a namespace is not valid.
 * @throws InvalidOptionError for a value that cannot be stored, or a request that the store cannot fulfil.
 */
export function checkedOperation(operation: Operation): CheckedOperation {
  if ("namespacePrefix" in operation) return { kind: "search", search: searchOf(operation) };
  if ("value" in operation) return { kind: "put", change: changeOf(operation) };
  if ("namespace" in operation) return { kind: "get", name: itemNameOf(operation) };
  return { kind: "list", listing: listingOf(operation) };
}

function searchOf({ namespacePrefix, filter, limit = 10, offset = 0, query }: SearchOperation): Search {
  if (query) {
    throw new InvalidOptionError("query", "this store has no vectors, so it cannot rank; search with a filter.");
  }
  return {
    labels: checkedNamespace(namespacePrefix, "any length"),
    matches: filterOf(filter),
    limit: validate(amountSchema(), "limit", limit),
    offset: validate(amountSchema(), "offset", offset),
  };
}

function changeOf(operation: PutOperation): Change {
  const { value, index } = operation;
  const name = itemNameOf(operation);
  if (value === null) return { ...name, json: undefined };
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new InvalidOptionError("value", "pass an object, or null to remove the item.");
  }
  if (index !== undefined && index !== false) {
    throw new InvalidOptionError("index", "this store has no vectors, so it indexes nothing; leave it out.");
  }
  return { ...name, json: jsonTextOf("value", value) };
}

function itemNameOf({ namespace, key }: GetOperation): ItemName {
  return { namespace: checkedNamespace(namespace, "not empty"), key: parseItemKey(key) };
}

function listingOf({ matchConditions = [], maxDepth, limit, offset }: ListNamespacesOperation): NamespaceListing {
  return {
    conditions: matchConditions.map(({ matchType, path }) => {
      if (matchType !== "prefix" && matchType !== "suffix") {
        throw new InvalidOptionError("matchConditions", 'use the matchType "prefix" or "suffix".');
      }
      return { matchType, path: checkedNamespace(path, "any length") };
    }),
    maxDepth: validate(z.optional(depthSchema()), "maxDepth", maxDepth),
    limit: validate(z.optional(amountSchema()), "limit", limit),
    offset: validate(amountSchema(), "offset", offset ?? 0),
  };
}

/** Checks what BaseStore and InMemoryStore check, because a direct call of `batch` bypasses the checks of BaseStore. */
function checkedNamespace(namespace: readonly string[], length: "any length" | "not empty"): readonly string[] {
  if (!Array.isArray(namespace)) throw new InvalidNamespaceError("A namespace must be an array of labels.");
  if (namespace.length === 0 && length === "not empty") throw new InvalidNamespaceError("Namespace cannot be empty.");
  for (const label of namespace as readonly unknown[]) {
    if (typeof label !== "string" || label === "" || /[.:\0]/u.test(label)) {
      throw new InvalidNamespaceError("Namespace labels must be non-empty strings without periods, colons and NUL.");
    }
  }
  return parseLabels(namespace);
}
