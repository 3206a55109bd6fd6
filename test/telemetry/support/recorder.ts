import { createRequire } from "node:module";
import { metrics, trace } from "@opentelemetry/api";
import { IORedisInstrumentation } from "@opentelemetry/instrumentation-ioredis";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

const MAX_INTERVAL_MILLISECONDS = 3_600_000;

const ofThisProcess = Symbol.for("langchain-redis-sessions: the instrumentation of ioredis");
/** A package is handed to the first instrumentation of a process alone, and files that use one may share a process. */
const lasting = globalThis as { [ofThisProcess]?: IORedisInstrumentation };

/** The real OpenTelemetry SDK and its real instrumentation of ioredis, as a program has them, with what they export. */
export class Recorder {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });
  readonly #meterProvider = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: this.#metrics,
        exportIntervalMillis: MAX_INTERVAL_MILLISECONDS,
        exportTimeoutMillis: MAX_INTERVAL_MILLISECONDS,
      }),
    ],
  });
  readonly #ioredis = (lasting[ofThisProcess] ??= new IORedisInstrumentation());

  constructor() {
    this.#tracerProvider.register();
    metrics.setGlobalMeterProvider(this.#meterProvider);
    this.#ioredis.setTracerProvider(this.#tracerProvider);
    // It patches what is required while it is enabled: the class that an import gets, too. What it knows by then, it
    // patches when it is enabled again.
    this.#ioredis.enable();
    createRequire(import.meta.url)("ioredis");
  }

  spans() {
    return this.#spans.getFinishedSpans();
  }

  named(name: string) {
    return this.spans().filter((span) => span.name === name);
  }

  /** Forgets the spans so far. */
  reset(): void {
    this.#spans.reset();
  }

  async metrics() {
    this.#metrics.reset();
    await this.#meterProvider.forceFlush();
    return this.#metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics));
  }

  /** Everything that was exported, as text. */
  async text(): Promise<string> {
    const spans = this.spans().map(({ name, attributes, events, links, status, resource, instrumentationScope }) => ({
      name,
      attributes,
      events,
      links,
      status,
      resource: resource.attributes,
      instrumentationScope,
    }));
    return JSON.stringify([spans, await this.metrics()]);
  }

  async stop(): Promise<void> {
    this.#ioredis.disable();
    trace.disable();
    metrics.disable();
    await this.#tracerProvider.shutdown();
    await this.#meterProvider.shutdown();
  }
}
