import { metrics, trace, type MeterProvider, type TracerProvider } from "@opentelemetry/api";
import * as z from "../options/schema.js";
import { setObserver } from "../diagnostics/operations.js";
import { validate } from "../options/validation.js";
import { Measures } from "./measures.js";
import { Spans } from "./spans.js";
import { once } from "../options/once.js";

/** The name of the instrumentation scope. */
const SCOPE = "langchain-redis-sessions";

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /**
   * The provider of tracers for spans.
   * @default the global provider at the time of the call
   */
  tracerProvider?: TracerProvider | undefined;
  /**
   * The provider of meters for metrics.
   * @default the global provider at the time of the call
   */
  meterProvider?: MeterProvider | undefined;
  /**
   * A secret of at least 16 characters. With it, spans identify the owner of the data by an HMAC-SHA-256 of the owner's
   * name: `user.hash` for a user, `gen_ai.conversation.id` for a history or thread outside of sessions. Without it,
   * spans leave the owner out, because such names are often e-mail addresses.
   * @default undefined: spans do not identify the owner
   */
  hashIds?: string | undefined;
}

const optionsSchema = once(() =>
  z.strictObject(
    {
      tracerProvider: z.optional(z.custom<TracerProvider>(hasMethod("getTracer"), "pass a TracerProvider")),
      meterProvider: z.optional(z.custom<MeterProvider>(hasMethod("getMeter"), "pass a MeterProvider")),
      hashIds: z.optional(
        z.check(z.string("pass a secret"), z.minLength(16, "use a secret of at least 16 characters")),
      ),
    },
    "pass an object, such as { hashIds }",
  ),
);

/**
 * Creates OpenTelemetry spans and metrics for all operations of this library in this process. They contain no message
 * text, token, value of agent memory or plain user id. While an operation runs, it suppresses spans of the Redis
 * client's own instrumentation, because these would contain the arguments of scripts and so message texts.
 *
 * Call it once, after the providers are registered. A later call replaces the earlier one.
 *
 * @returns a function that ends the instrumentation.
 * @throws InvalidOptionError when an option is unknown or of the wrong form.
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
