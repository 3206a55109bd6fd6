import { createRequire } from "node:module";
import { IORedisInstrumentation } from "@opentelemetry/instrumentation-ioredis";
import type { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const ofThisProcess = Symbol.for("langchain-redis-sessions: the instrumentation of ioredis");
/** A package is handed to the first instrumentation of a process alone, and files that use one may share a process. */
const lasting = globalThis as { [ofThisProcess]?: IORedisInstrumentation };

/** Enables OpenTelemetry's instrumentation of ioredis with its default settings. Disable it at the end of the file. */
export function instrumentIoredis(provider: NodeTracerProvider): IORedisInstrumentation {
  const instrumentation = (lasting[ofThisProcess] ??= new IORedisInstrumentation());
  instrumentation.setConfig({});
  instrumentation.setTracerProvider(provider);
  // The instrumentation patches what is required while it is enabled: the class that an import gets, too. If ioredis was
  // loaded before, enabling the instrumentation again patches it.
  instrumentation.enable();
  createRequire(import.meta.url)("ioredis");
  return instrumentation;
}
