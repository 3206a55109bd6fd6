import { metrics, trace, type MeterProvider, type TracerProvider } from "@opentelemetry/api";
import { z } from "zod";
import { setObserver } from "../diagnostics/operations.js";
import { validate } from "../options/validation.js";
import { Measures } from "./measures.js";
import { Spans } from "./spans.js";
import { once } from "../options/once.js";

/** The name of the instrumentation scope. */
const SCOPE = "langchain-redis-sessions";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** @default the global one, as it is when `instrument` is called */
  tracerProvider?: TracerProvider | undefined;
  /** @default the global one, as it is when `instrument` is called */
  meterProvider?: MeterProvider | undefined;
  /**
   * A secret of at least 16 characters. With it, spans name whose data an operation was about, by an HMAC-SHA-256 of the
   * name: `user.hash` for a user, `gen_ai.conversation.id` for a history or thread of its own. Without it they leave that
   * out: such names are often e-mail addresses.
   */
  hashIds?: string | undefined;
}

const optionsSchema = once(() =>
  z.strictObject(
    {
      tracerProvider: z.custom<TracerProvider>(hasMethod("getTracer"), "pass a TracerProvider").optional(),
      meterProvider: z.custom<MeterProvider>(hasMethod("getMeter"), "pass a MeterProvider").optional(),
      hashIds: z.string("pass a secret").min(16, "use a secret of at least 16 characters").optional(),
    },
    "pass an object, such as { hashIds }",
  ),
);

/**
 * Makes spans and metrics of all operations of this library in this process, with OpenTelemetry. They hold no message text,
 * token, value of agent memory or raw user id. While an operation runs, spans of the Redis client's own instrumentation are
 * suppressed, because they would hold the arguments of scripts, and so message texts.
 *
 * Call it once, when the providers are registered. A later call takes the place of the earlier one.
 *
 * @returns a function that ends it.
 * @throws InvalidOptionError for an unknown or wrong option.
 *
 * @example
 * ```ts
 * import { instrument } from "langchain-redis-sessions/telemetry";
 *
 * instrument({ hashIds: process.env.TELEMETRY_SECRET });
 * ```
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  const { tracerProvider = trace, meterProvider = metrics, hashIds } = validate(optionsSchema(), "options", options);
  const measures = new Measures(meterProvider.getMeter(SCOPE));
  return setObserver(new Spans(tracerProvider.getTracer(SCOPE), measures, hashIds));
}

function hasMethod(name: string): (value: unknown) => boolean {
  return (value) => typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "function";
}
