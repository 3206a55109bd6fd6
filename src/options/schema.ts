// The functions of zod/mini that options need, made from zod/v4/core under the same names. LangChain has loaded the core
// anyway. To load zod itself, and to make its first schemas, took 12 ms more, of a cold start of some 700 ms.
import * as core from "zod/v4/core";

/** A schema: what it returns, and what it takes. */
export type ZodType<Output = unknown, Input = Output> = core.$ZodType<Output, Input>;
export type ZodObject<Shape extends core.$ZodShape = core.$ZodShape> = core.$ZodObject<Shape, core.$strip>;
export type {
  $ZodDefault as ZodDefault,
  $ZodOptional as ZodOptional,
  $ZodPrefault as ZodPrefault,
  output,
} from "zod/v4/core";

type Check<Value> = core.$ZodCheck<Value>;
/** The advice for a value that does not fit. */
type Advice = string;

const told = (advice: Advice | undefined): { error?: () => string } =>
  advice === undefined ? {} : { error: () => advice };

export const string = (advice?: Advice): core.$ZodString => core._string(core.$ZodString, advice);
export const base64 = (advice?: Advice): core.$ZodBase64 => core._base64(core.$ZodBase64, advice);
export const base64url = (advice?: Advice): core.$ZodBase64URL => core._base64url(core.$ZodBase64URL, advice);
export const int = (advice?: Advice): core.$ZodNumberFormat => core._int(core.$ZodNumberFormat, advice);
export const boolean = (advice?: Advice): core.$ZodBoolean => core._boolean(core.$ZodBoolean, advice);
export const date = (advice?: Advice): core.$ZodDate => core._date(core.$ZodDate, advice);
export const coercedDate = (advice?: Advice): core.$ZodDate => core._coercedDate(core.$ZodDate, advice);
export const unknown = (): core.$ZodUnknown => core._unknown(core.$ZodUnknown);
const undefinedSchema = (advice?: Advice): core.$ZodUndefined => core._undefined(core.$ZodUndefined, advice);

export function literal<const Value extends core.util.Literal>(value: Value, advice?: Advice): core.$ZodLiteral<Value> {
  return new core.$ZodLiteral({ type: "literal", values: [value], ...told(advice) }) as core.$ZodLiteral<Value>;
}

function enumSchema<const Values extends readonly string[]>(
  values: Values,
  advice?: Advice,
): ZodType<Values[number], unknown> {
  return core._enum(core.$ZodEnum, [...values], advice);
}

export function array<Element extends core.$ZodType>(element: Element, advice?: Advice): core.$ZodArray<Element> {
  return new core.$ZodArray({ type: "array", element, ...told(advice) }) as core.$ZodArray<Element>;
}

export function record<Value extends core.$ZodType>(
  keyType: core.$ZodType<string>,
  valueType: Value,
  advice?: Advice,
): ZodType<Record<string, core.output<Value>>, unknown> {
  const made = new core.$ZodRecord({
    type: "record",
    keyType,
    valueType,
    ...told(advice),
  });
  return made as ZodType<Record<string, core.output<Value>>, unknown>;
}

export function union<const Options extends readonly core.$ZodType[]>(
  options: Options,
  advice?: Advice,
): core.$ZodUnion<Options> {
  return new core.$ZodUnion({
    type: "union",
    options,
    inclusive: true,
    ...told(advice),
  }) as core.$ZodUnion<Options>;
}

function objectOf<Shape extends core.$ZodShape>(
  shape: Shape,
  catchall: core.$ZodType | undefined,
  advice: Advice | undefined,
): ZodObject<Shape> {
  const made = new core.$ZodObject({
    type: "object",
    shape,
    ...(catchall !== undefined && { catchall }),
    ...told(advice),
  });
  return made as unknown as ZodObject<Shape>;
}

/** An object whose other names are left out. */
export function object<Shape extends core.$ZodShape>(shape: Shape, advice?: Advice): ZodObject<Shape> {
  return objectOf(shape, undefined, advice);
}

/** An object that may have no other names. */
export function strictObject<Shape extends core.$ZodShape>(shape: Shape, advice?: Advice): ZodObject<Shape> {
  return objectOf(shape, core._never(core.$ZodNever), advice);
}

/** An object whose other names are kept. */
export function looseObject<Shape extends core.$ZodShape>(shape: Shape, advice?: Advice): ZodObject<Shape> {
  return objectOf(shape, unknown(), advice);
}

export function custom<Value>(
  accepts: (value: unknown) => unknown,
  advice?: Advice | core.$ZodCustomParams,
): core.$ZodCustom<Value, Value> {
  return core._custom<Value>(core.$ZodCustom, accepts, advice);
}

function instanceofSchema<Value>(
  Class: abstract new (...values: never[]) => Value,
  advice?: Advice,
): core.$ZodCustom<Value, Value> {
  return custom<Value>((value) => value instanceof Class, advice);
}

export function optional<Inner extends core.$ZodType>(innerType: Inner): core.$ZodOptional<Inner> {
  return new core.$ZodOptional({ type: "optional", innerType }) as core.$ZodOptional<Inner>;
}

/** Accepts a name that is missing, but not one that is there with `undefined`. */
export function exactOptional<Inner extends core.$ZodType>(innerType: Inner): core.$ZodExactOptional<Inner> {
  return new core.$ZodExactOptional({ type: "optional", innerType }) as core.$ZodExactOptional<Inner>;
}

/** Returns a schema that gives this value, or that of this function, where there is none. */
export function _default<Inner extends core.$ZodType>(
  innerType: Inner,
  defaultValue: core.util.NoUndefined<core.output<Inner>> | (() => core.util.NoUndefined<core.output<Inner>>),
): core.$ZodDefault<Inner> {
  return new core.$ZodDefault({
    type: "default",
    innerType,
    get defaultValue() {
      return typeof defaultValue === "function"
        ? (defaultValue as () => unknown)()
        : core.util.shallowClone(defaultValue);
    },
  }) as core.$ZodDefault<Inner>;
}

/** Returns a schema that takes this value where there is none. */
export function prefault<Inner extends core.$ZodType>(
  innerType: Inner,
  defaultValue: core.input<Inner>,
): core.$ZodPrefault<Inner> {
  return new core.$ZodPrefault({ type: "prefault", innerType, defaultValue }) as core.$ZodPrefault<Inner>;
}

/** Returns a schema whose value becomes another one. */
export function transform<In extends core.$ZodType, Output>(
  schema: In,
  change: (value: core.output<In>, context: core.$RefinementCtx) => Output,
): ZodType<Output, core.input<In>> {
  const out = new core.$ZodTransform({
    type: "transform",
    transform: (value, payload) => {
      const context = payload as core.$RefinementCtx;
      context.addIssue = (issue) => payload.issues.push(core.util.issue(issue as string, payload.value, out._zod.def));
      return change(value as core.output<In>, context);
    },
  });
  return new core.$ZodPipe({ type: "pipe", in: schema, out }) as unknown as ZodType<Output, core.input<In>>;
}

/** Returns a schema that checks the value further. */
export function check<Schema extends core.$ZodType>(
  schema: Schema,
  ...checks: readonly Check<core.output<Schema>>[]
): Schema {
  const { def } = schema._zod;
  return core.clone(schema, { ...def, checks: [...(def.checks ?? []), ...checks] }, { parent: true });
}

export function refine<Value>(accepts: (value: Value) => unknown, advice?: Advice): Check<Value> {
  return core._refine<Value>(core.$ZodCustom, accepts, advice);
}

export const superRefine = core._superRefine;
export const minLength = core._minLength;
export const regex = core._regex;
export const gte = core._gte;
export const lte = core._lte;
export const safeParse = core.safeParse;

export function isObject(schema: core.$ZodType): schema is core.$ZodObject {
  return schema instanceof core.$ZodObject;
}

export { enumSchema as enum, instanceofSchema as instanceof, undefinedSchema as undefined };
