// 200 people chat at the same time: `npm run test:load`. The service as `npm start` runs it, its Redis syncing each write
// to disk, beside the same server without sessions. Once with a model that answers at once, so that all is at its limit,
// and once with one that takes its time, as they do. Bounded in count, and in time by the timeout of each request. Fails
// when a turn was refused or lost.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openSignIns } from "../../examples/chat-server/identity.js";
import { startChildService } from "./support/child-service.js";
import { chat, gather, lostTurns, type Outcome } from "./support/crowd.js";

const people = 200;
const loads = [
  { model: "at once", delay: 0, turnsEach: 10 },
  { model: "in 5 s", delay: 5_000, turnsEach: 5 },
];

const folder = await mkdtemp(path.join(tmpdir(), "chat-server-load-"));
const signIns = await openSignIns({ folder, lifetimeSeconds: 3_600, renewableSeconds: 3_600 });
const jwtFor = (id: string) => signIns.signIn({ id, name: id });
const environment = { DATA_DIR: folder, TURNS_PER_MINUTE: "1000000", REQUESTS_PER_MINUTE: "1000000" };

interface Row {
  readonly model: string;
  readonly server: string;
  readonly asked: number;
  readonly outcome: Outcome;
  /** Nothing is kept without sessions. */
  readonly lost?: number;
}

const rows: Row[] = [];
for (const { model, delay, turnsEach } of loads) {
  const load = { ...environment, MODEL_DELAY: String(delay), KEY_PREFIX: `load-${delay}` };
  const asked = people * turnsEach;

  const plain = await startChildService(load, "test/chat-server/support/plain-server.ts");
  const visitors = await gather(plain.url, jwtFor, { people, turnsEach, withSessions: false });
  rows.push({ model, server: "without sessions", asked, outcome: await chat(plain.url, visitors) });
  await plain.end();

  const service = await startChildService(load);
  const crowd = await gather(service.url, jwtFor, { people, turnsEach, withSessions: true });
  const outcome = await chat(service.url, crowd);
  rows.push({ model, server: "with sessions", asked, outcome, lost: await lostTurns(crowd) });
  await service.end();
}
await rm(folder, { recursive: true, force: true });

const widths = [10, 20, 7, 8, 6, 9, 9, 9];
const print = (...cells: readonly (string | number)[]): void =>
  console.log(
    cells
      .map((cell, index) => (index < 2 ? `${cell}`.padEnd(widths[index] ?? 0) : `${cell}`.padStart(widths[index] ?? 0)))
      .join(""),
  );
console.log(`\n${people} people chat at the same time\n`);
print("model", "server", "turns", "failed", "lost", "turns/s", "p50 ms", "p99 ms");
for (const { model, server, outcome, lost } of rows) {
  const { answered, failed, seconds, latency } = outcome;
  print(model, server, answered, failed, lost ?? "–", Math.round(answered / seconds), latency.p50, latency.p99);
}
console.log();
for (const { model } of loads) {
  const [without, withSessions] = rows.filter((row) => row.model === model).map(({ outcome }) => outcome.latency.p99);
  const times = ((withSessions ?? 0) / (without ?? 1)).toFixed(2);
  console.log(`A model that answers ${model}: p99 with sessions is ${times} times that without.`);
}
console.log();

const failed = rows.reduce((sum, { asked, outcome }) => sum + Math.max(outcome.failed, asked - outcome.answered), 0);
const lost = rows.reduce((sum, row) => sum + (row.lost ?? 0), 0);
if (failed > 0 || lost > 0) {
  console.error(`${failed} turns failed, ${lost} were lost.`);
  process.exitCode = 1;
}
