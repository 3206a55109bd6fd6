import { ValueMismatchError } from "../errors.js";
import { spell } from "../options/json-text.js";

/**
 * The part of a Standard Schema (https://standardschema.dev) that this library uses. Schemas of zod, valibot, arktype and
 * others are Standard Schemas. The interface is spelled out here, as the specification suggests, so that the published
 * types need no further package.
 */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  };
}

/** The result of a validation by a Standard Schema: the value, or the issues. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One fault that a Standard Schema found in a value. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Returns the output of the schema for a value.
 *
 * @throws ValueMismatchError if the value does not match the schema. The error names the key and the paths at fault.
 */
export async function fitted<Output>(key: string, value: unknown, schema: StandardSchema<Output>): Promise<Output> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  // The messages of the issues are left out, because they may quote the value.
  const paths = result.issues.map(({ path = [] }) =>
    spell(path.map((segment) => (typeof segment === "object" ? segment.key : segment))),
  );
  throw new ValueMismatchError(key, "does not match the schema", [...new Set(paths.filter((path) => path !== ""))]);
}
