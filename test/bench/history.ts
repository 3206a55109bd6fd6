// `npm run bench`: what a history costs beside the peers and beside the limit, as ratios. The candidates of each
// comparison take turns in short rounds, in random order on one server, so that a busy machine slows all of them alike.
import { RedisChatMessageHistory as CommunityHistory } from "@langchain/community/stores/message/ioredis";
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { faultyProxy, startRedis } from "langchain-redis-sessions/testing";
import { decodeMessage } from "../../src/codec/decode.js";
import { encodeMessage } from "../../src/codec/encode.js";

const sentence = "The quick brown fox jumps over the lazy dog. ";

function typicalTurn(): BaseMessage[] {
  return [
    new HumanMessage(sentence.repeat(2)),
    new AIMessage({
      content: sentence.repeat(9),
      id: "chatcmpl-0123456789",
      response_metadata: { model_name: "some-model-2026", finish_reason: "stop", system_fingerprint: "fp_0123456789" },
      usage_metadata: { input_tokens: 812, output_tokens: 96, total_tokens: 908 } as never,
    }),
  ];
}

function toolTurn(): BaseMessage[] {
  const call = (id: string) => ({
    id,
    name: "search",
    args: { query: sentence, limit: 10 },
    type: "tool_call" as const,
  });
  return [
    new HumanMessage(sentence),
    new AIMessage({ content: "", tool_calls: [call("call_1"), call("call_2")] }),
    new ToolMessage({ content: sentence.repeat(6), tool_call_id: "call_1", name: "search" }),
    new ToolMessage({ content: sentence.repeat(6), tool_call_id: "call_2", name: "search" }),
    ...typicalTurn().slice(1),
  ];
}

interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

/** Rounds of every candidate in turn; the median round of each, and its ratio to the last candidate's. */
async function compare(title: string, repetitions: number, candidates: readonly Candidate[]): Promise<void> {
  const rounds = candidates.map((): number[] => []);
  for (let round = 0; round < 66; round++) {
    process.stderr.write(`\r  ${title}: round ${round + 1} of 66 `);
    const order = [...candidates.entries()].toSorted(() => Math.random() - 0.5);
    for (const [index, { run }] of order) {
      const start = process.hrtime.bigint();
      for (let repetition = 0; repetition < repetitions; repetition++) await run();
      // The first rounds warm up.
      if (round >= 6) rounds[index]?.push(Number(process.hrtime.bigint() - start) / 1000 / repetitions);
    }
  }
  process.stderr.write("\r\u001B[2K");
  const medians = rounds.map((times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN);
  console.log(`\n${title}`);
  for (const [index, { name }] of candidates.entries()) {
    const median = medians[index] ?? Number.NaN;
    const ratio = median / (medians.at(-1) ?? Number.NaN);
    console.log(`  ${name.padEnd(44)} ${median.toFixed(1).padStart(9)} µs  ${ratio.toFixed(2)}×`);
  }
}

await using redis = await startRedis();
const client = new Redis(redis.url);
const ours = (sessionId: string, over = client): RedisChatMessageHistory =>
  new RedisChatMessageHistory({ client: over, sessionId, ttl: 3600 });
const peer = (sessionId: string, over = client): CommunityHistory =>
  new CommunityHistory({ client: over, sessionId, sessionTTL: 3600 });

const mix = [...typicalTurn(), ...toolTurn()];
await compare("Encoding a message (CPU)", 200, [
  { name: "encodeMessage", run: () => mix.map((message, position) => encodeMessage(message, position)) },
  { name: "JSON.stringify(message.toDict())", run: () => mix.map((message) => JSON.stringify(message.toDict())) },
]);
const entries = mix.map((message, position) => `${encodeMessage(message, position)},"at":1732217582123}`);
await compare("Decoding a message (CPU)", 200, [
  { name: "decodeMessage", run: () => entries.map((entry) => decodeMessage(entry, 0)) },
  { name: "JSON.parse", run: () => entries.map((entry) => JSON.parse(entry)) },
]);

let appended = 0;
const freshSession = (name: string): string => `${name}-${Math.floor(appended++ / 100)}`;
await compare("Appending a turn of 2, on loopback", 100, [
  { name: "ours", run: () => ours(freshSession("ours")).addMessages(typicalTurn()) },
  { name: "@langchain/community (ioredis)", run: () => peer(freshSession("peer")).addMessages(typicalTurn()) },
]);

const proxy = await faultyProxy(redis);
const far = new Redis(proxy.url);
await far.ping();
proxy.delay(0.5);
await compare("Appending a turn of 2, with 1 ms of network", 5, [
  { name: "ours", run: () => ours(freshSession("ours"), far).addMessages(typicalTurn()) },
  { name: "@langchain/community (ioredis)", run: () => peer(freshSession("peer"), far).addMessages(typicalTurn()) },
]);
far.disconnect();
await proxy.close();

for (const length of [10, 100, 1_000, 10_000]) {
  const messages = Array.from({ length: length / 2 }, typicalTurn).flat();
  await ours(`read-${length}`).addMessages(messages);
  await peer(`read-${length}`).addMessages(messages.slice(0, 2_000));
  const key = `chat:history:{read-${length}}:messages`;
  await compare(`Reading ${length.toLocaleString("en")} messages`, Math.max(1, 1_000 / length), [
    { name: "ours", run: () => ours(`read-${length}`).getMessages() },
    ...(length <= 1_000
      ? [{ name: "@langchain/community (ioredis)", run: () => peer(`read-${length}`).getMessages() }]
      : []),
    {
      name: "LRANGE + JSON.parse",
      run: async () => (await client.lrange(key, 0, -1)).map((entry) => JSON.parse(entry) as unknown),
    },
  ]);
}

console.log("\nBytes in Redis (MEMORY USAGE of every key but the operation ids, which live two minutes)");
for (const length of [2, 20, 200]) {
  const messages = Array.from({ length: length / 2 }, typicalTurn).flat();
  await ours(`bytes-${length}`).addMessages(messages);
  await peer(`bytes-${length}`).addMessages(messages);
  const oursBytes = Number(await client.memory("USAGE", `chat:history:{bytes-${length}}:messages`, "SAMPLES", 0));
  const peerBytes = Number(await client.memory("USAGE", `bytes-${length}`, "SAMPLES", 0));
  console.log(
    `  ${String(length).padEnd(4)} messages  ours ${oursBytes}, peer ${peerBytes}  ${(oursBytes / peerBytes).toFixed(2)}×`,
  );
}
await client.quit();
