import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { IORedisInstrumentation } from "@opentelemetry/instrumentation-ioredis";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { instrumentIoredis } from "../../support/ioredis-instrumentation.js";

const MAX_INTERVAL_MILLISECONDS = 3_600_000;

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
  readonly #ioredis = instrumentIoredis(this.#tracerProvider);

  constructor() {
    this.#tracerProvider.register();
    metrics.setGlobalMeterProvider(this.#meterProvider);
  }

  spans() {
    return this.#spans.getFinishedSpans();
  }

  named(name: string) {
    return this.spans().filter((span) => span.name === name);
  }

  configureIoredis(config: Parameters<IORedisInstrumentation["setConfig"]>[0]): void {
    this.#ioredis.setConfig(config);
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
