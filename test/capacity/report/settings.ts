import { table } from "../../bench/report/table.js";
import { assumptions } from "../model/assumptions.js";
import type { Findings } from "../run.js";
import { clusterOf, fragmentationOf, measuredOf, needsOf } from "./derived.js";
import { bytes, count, digits, microseconds, percent } from "./format.js";

export function settingsSection(findings: Findings): string {
  const { settings, topologies } = findings;
  const need = needsOf(findings)[2];
  const { fragmentation } = measuredOf(findings);
  const [plain] = settings;
  const wide = settings.find(({ setting }) => setting.startsWith("hash-max-listpack-value"));
  const compressed = settings.find(({ setting }) => setting.startsWith("list-compress-depth"));
  if (!need || !plain || !wide || !compressed) return "";
  const maxmemory = (assumptions.shardGiB * 2 ** 30 * assumptions.usableMemory) / fragmentation;
  const stream = need.peakReplicatedBytes / assumptions.replicas / need.shards;
  const left = topologies
    .map(
      ({ inspected, topology }) =>
        `${count(inspected.leftExpired)} of ${count(inspected.leftExpired + inspected.after.reduce((sum, { keys }) => sum + keys, 0))} keys on ${topology}`,
    )
    .join(", ");
  const core = (need.peakTurnsPerSecond * need.cost.cpuMicroseconds) / 1e6 / need.shards;
  const rows: readonly (readonly [string, string])[] = [
    [
      "`maxmemory`",
      `${bytes(maxmemory)} for a shard of ${assumptions.shardGiB} GiB: the ${percent(assumptions.usableMemory, 0)} for data, by the ${fragmentation.toFixed(2)}× that the process takes of what it counts. The rest: a fork for a snapshot, an append-only rewrite or a full sync copies each page that is written meanwhile, and the buffers of replicas are not counted.`,
    ],
    [
      "`maxmemory-policy noeviction`",
      "A full server then refuses a turn whole (`StorageFullError`); other policies take conversations and parts of sessions. Sign-out and verify still work: their scripts are allowed to run when memory is out.",
    ],
    [
      "one replica or more, `min-replicas-to-write 1`",
      "A primary that is cut off from its replica stops taking writes, which a failover would lose. The price: no writes while the only replica is away; with two, not so. For single writes, `wait` of the library.",
    ],
    [
      "`appendonly yes`, `appendfsync everysec`",
      `Without it a restart is empty. The file grows by ${bytes(need.replicatedBytes)} a turn until it is rewritten.`,
    ],
    [
      "`repl-backlog-size`",
      `A replica that was away for ten minutes comes back without a full sync if the backlog holds what was written. At ${count(need.shards)} shards and the peak ${bytes(stream)}/s × 600 s = ${bytes(stream * 600)}. The default is 1 MB.`,
    ],
    [
      "`client-output-buffer-limit replica`",
      `While a new replica loads a full sync, what is written waits here: ${bytes(stream)}/s × the minutes that takes. At ${bytes(stream)}/s the default (256 MB, or 64 MB for 60 s) lasts; slots that are moved and busier shards need more.`,
    ],
    [
      "`client-output-buffer-limit normal`",
      "Default: none. A client that reads long histories and does not take the replies holds them in the server's memory. `64mb 16mb 60` bounds it; a reply must fit, so not below the longest history that is read whole.",
    ],
    [
      "`cluster-require-full-coverage no`",
      "With `yes`, one shard without a primary stops all of them. A user's data is on one shard, and no call spans two.",
    ],
    [
      "`cluster-allow-reads-when-down no` (default)",
      "With `yes`, a node that lost the majority answers with what it had: an ended session could look live. Sessions fail closed.",
    ],
    [
      "`cluster-node-timeout` 5000",
      "A failover begins after that time. The library's `deadline` is 5 s: with 15000, the default, every call to a failed shard is a `StoreUnavailableError` until then.",
    ],
    [
      "`hash-max-listpack-value 256`",
      `A session with a \`userAgent\` of 115 bytes takes ${bytes(wide.browserSessionBytes)} instead of ${bytes(plain.browserSessionBytes)}; of a value over 64 bytes Redis makes a hash table. The same holds for titles and remembered values. Of no use without them.`,
    ],
    ["`list-max-listpack-size -2` (default, 8 KiB)", "Measured below: other sizes change memory by little."],
    [
      "`list-compress-depth 0` (default)",
      `1 makes the messages ${percent(1 - compressed.messagesBytesPerConversation / plain.messagesBytesPerConversation, 0)} smaller, and a read of 50 messages ${digits(compressed.readMicroseconds / plain.readMicroseconds)} times as dear. Only lists over 8 KiB have an inner part to compress. For archives that are seldom read; try it with texts of your own.`,
    ],
    [
      "`activedefrag`",
      `No: fragmentation of the allocator was ${clusterOf(findings)
        .inspected.after.map((node) => node.allocatorFragmentation.toFixed(2))
        .join(
          ", ",
        )} on the nodes. It needs a Redis built with its own jemalloc, which those of Debian are not. Look again after weeks of expiry.`,
    ],
    [
      "`active-expire-effort 1` (default)",
      `Redis removes what has expired sample by sample, and rests where less than a tenth of a sample has expired: two minutes after the last write ${left} were still there. Each remembered operation is ${bytes(clusterOf(findings).parameters.memory.operation)}; the effort costs processor time of the same core.`,
    ],
    [
      "`io-threads 1` (default)",
      `At the peak a shard uses ${percent(core)} of a core for ${large(need.peakTurnsPerSecond, need.shards)} turns a second: memory is what runs out.`,
    ],
    [
      "`timeout 0`, `tcp-keepalive 300` (defaults)",
      "Connections are few and long-lived: one ioredis client a process and node. `connect()` of the library drops a silent one by itself.",
    ],
  ];
  return `${table(["setting", "why"], rows)}

Measured with the same ${count(findings.plan.settingsConversations)} conversations under each:

${table(
  ["", "messages of a conversation", "a session", "with a `userAgent`", "read 50 messages", "append a turn"],
  settings.map((one) => [
    one.setting,
    bytes(one.messagesBytesPerConversation),
    bytes(one.sessionBytes),
    bytes(one.browserSessionBytes),
    microseconds(one.readMicroseconds),
    microseconds(one.appendMicroseconds),
  ]),
)}`;
}

function large(turns: number, shards: number): string {
  return digits(turns / shards);
}

export function fragmentationLine(findings: Findings): string {
  return findings.topologies.map((found) => `${fragmentationOf(found).toFixed(2)}× on ${found.topology}`).join(", ");
}
