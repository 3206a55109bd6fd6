import { ExportResultCode } from "@opentelemetry/core";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace-node";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Redis } from "ioredis";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { instrument } from "langchain-redis-sessions/telemetry";
import type { RunningRedis } from "langchain-redis-sessions/testing";
import { serverMicroseconds } from "../counts/server.js";
import { type Candidate, compare, type Effort } from "../measure/compare.js";
import { networkTo } from "../network/network.js";
import type { Timing } from "../run.js";
import { TTL_SECONDS } from "../workloads/histories.js";

export const UNOBSERVED = "without instrument()";
export const OBSERVED = "with instrument()";

export interface TelemetryPlan {
  readonly delays: readonly number[];
}

/** Takes spans as an exporter does, and sends them nowhere. */
const exporter: SpanExporter = {
  export: (_spans, done) => done({ code: ExportResultCode.SUCCESS }),
  shutdown: () => Promise.resolve(),
};

/** What spans and metrics add to an append of a turn, with the SDK as a service has it. */
export async function measureTelemetry(
  redis: RunningRedis,
  { delays }: TelemetryPlan,
  effort: Effort,
  random: () => number,
): Promise<readonly Timing[]> {
  const tracerProvider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  tracerProvider.register();
  const meterProvider = new MeterProvider();
  const observer = new Redis(redis.url);
  const timings: Timing[] = [];
  let stop = (): void => {};
  try {
    for (const delayMilliseconds of delays) {
      const network = await networkTo(redis, delayMilliseconds);
      const client = new Redis(network.url);
      const appending = (name: string, prepare: () => void): Candidate => {
        let rounds = 0;
        return {
          name,
          prepare: async () => {
            rounds += 1;
            prepare();
          },
          run: () =>
            new RedisChatMessageHistory({ client, sessionId: `${name} ${rounds}`, ttl: TTL_SECONDS }).addMessages([
              new HumanMessage("Where should I go in June?"),
              new AIMessage("To Rome. It will be warm."),
            ]),
        };
      };
      const candidates = [
        appending(UNOBSERVED, () => stop()),
        appending(OBSERVED, () => {
          stop = instrument({ tracerProvider, meterProvider, hashIds: "a secret for the benchmark" });
        }),
      ];
      const results = await compare(candidates, [UNOBSERVED], {
        ...effort,
        sessions: 1,
        random,
        serverMicroseconds: () => serverMicroseconds(observer),
        onRound: () => {},
      });
      client.disconnect();
      network.close();
      timings.push({ workload: "append", delayMilliseconds, sessions: 1, results });
    }
  } finally {
    stop();
    observer.disconnect();
    await tracerProvider.shutdown();
  }
  return timings;
}
