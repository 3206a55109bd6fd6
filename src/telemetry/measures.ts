import type { Attributes, Histogram, Meter } from "@opentelemetry/api";
import type { OperationEnd } from "../diagnostics/operations.js";
import { outcomeAttributes, PREFIX } from "./attributes.js";

/**
 * The bucket boundaries in seconds: those of OpenTelemetry's semantic conventions for databases, and longer ones for
 * turns and waits.
 */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/** The metrics of all operations. */
export class Measures {
  readonly #meter: Meter;
  readonly #durations = new Map<string, Histogram>();
  readonly #bytes;
  readonly #ended;
  readonly #answers;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#bytes = meter.createCounter(`${PREFIX}.io`, {
      unit: "By",
      description: "Bytes of arguments and replies between this library and Redis",
    });
    this.#ended = meter.createCounter(`${PREFIX}.sessions.ended`, {
      unit: "{session}",
      description: "Sessions that a limit evicted, or that were ended",
    });
    this.#answers = meter.createUpDownCounter(`${PREFIX}.answers.in_flight`, {
      unit: "{answer}",
      description: "Answers in flight that this process produces",
    });
  }

  began(operation: string): void {
    if (operation === "answer") this.#answers.add(1);
  }

  ended(end: OperationEnd, asksRedis: boolean): void {
    const { operation, milliseconds, bytesSent, bytesReceived, counts = {} } = end;
    if (operation === "answer") this.#answers.add(-1);
    const outcome = outcomeAttributes(end);
    if (!asksRedis) {
      this.#record(operation, milliseconds, outcome);
      return;
    }
    const named = { [`${PREFIX}.operation`]: operation };
    this.#record("operation", milliseconds, { ...named, ...outcome });
    this.#bytes.add(bytesSent, { ...named, "network.io.direction": "transmit" });
    this.#bytes.add(bytesReceived, { ...named, "network.io.direction": "receive" });
    for (const [reason, count] of Object.entries(counts)) {
      if (count > 0) this.#ended.add(count, { [`${PREFIX}.reason`]: reason });
    }
  }

  #record(what: string, milliseconds: number, attributes: Attributes): void {
    let duration = this.#durations.get(what);
    if (duration === undefined) {
      duration = this.#meter.createHistogram(`${PREFIX}.${what}.duration`, {
        unit: "s",
        advice: { explicitBucketBoundaries: BOUNDARIES },
      });
      this.#durations.set(what, duration);
    }
    duration.record(milliseconds / 1_000, attributes);
  }
}
