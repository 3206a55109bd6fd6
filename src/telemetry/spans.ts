import {
  type Context,
  context,
  createContextKey,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Observed, Observer, OperationEnd, Subject } from "../diagnostics/operations.js";
import { outcomeAttributes, PREFIX, subjectAttributes } from "./attributes.js";
import type { Measures } from "./measures.js";

/**
 * The key that `suppressTracing` of @opentelemetry/core sets. A key of a context is found by its name, because
 * `createContextKey` is `Symbol.for`, so this library does not need that package. test/telemetry/suppression.test.ts
 * checks that the names agree.
 */
const SUPPRESSED = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** The context that was active before the spans of the Redis client were suppressed. */
const OUTSIDE = createContextKey("langchain-redis-sessions outside");

/** Creates a span for each operation, and measures the operation. */
export class Spans implements Observer {
  readonly #tracer: Tracer;
  readonly #measures: Measures;
  readonly #secret: string | undefined;

  constructor(tracer: Tracer, measures: Measures, secret: string | undefined) {
    this.#tracer = tracer;
    this.#measures = measures;
    this.#secret = secret;
  }

  begin(operation: string, subject: Subject | undefined, asksRedis: boolean): Observed {
    const measures = this.#measures;
    measures.began(operation);
    const parent = outsideOf(context.active());
    const attributes = subjectAttributes(subject, this.#secret);
    if (asksRedis) attributes["db.system.name"] = "redis";
    const kind = asksRedis ? SpanKind.CLIENT : SpanKind.INTERNAL;
    const span = this.#tracer.startSpan(operation, { kind, attributes }, parent);
    return {
      around: (work) => context.with(suppressed(trace.setSpan(parent, span)), work),
      end: (end) => {
        span.setAttributes({ ...outcomeAttributes(end), ...(asksRedis ? costAttributes(end) : {}) });
        if (end.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
        measures.ended(end, asksRedis);
      },
    };
  }

  outside<Result>(work: () => Result): Result {
    return context.with(outsideOf(context.active()), work);
  }
}

function suppressed(inside: Context): Context {
  return inside.setValue(OUTSIDE, inside).setValue(SUPPRESSED, true);
}

function outsideOf(active: Context): Context {
  return (active.getValue(OUTSIDE) as Context | undefined) ?? active;
}

function costAttributes({ roundTrips, bytesSent, bytesReceived, counts = {} }: OperationEnd) {
  return {
    [`${PREFIX}.round_trips`]: roundTrips,
    [`${PREFIX}.bytes_sent`]: bytesSent,
    [`${PREFIX}.bytes_received`]: bytesReceived,
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${PREFIX}.${name}`, count])),
  };
}
