import { assumptions } from "../model/assumptions.js";
import type { Findings } from "../run.js";
import { largestUser } from "../model/hot-user.js";
import { measuredOf, needsOf } from "./derived.js";
import { bytes, count, digits, percent } from "./format.js";

export function howToRead(findings: Findings): string {
  return `For shards of ${assumptions.shardGiB} GiB, ${assumptions.replicas} replica each, ${assumptions.retentionDays} days of retention, and [what else is assumed](#what-is-assumed). Memory is that of the primaries: with the replicas it is ${1 + assumptions.replicas} times as much. In brackets: shards that memory needs, and shards that processor time would need. One shard is one server, without Cluster; where two would do it says three, the fewest of a Cluster. Redis recommends no Cluster of more than about 1,000 nodes: larger shards, a cap or an archive come before that. ${largerShards(findings)}`;
}

function largerShards(findings: Findings): string {
  const last = needsOf(findings).at(-1);
  return last === undefined
    ? ""
    : `Everything is linear in the number of conversations: ${bytes(last.bytes / last.conversations)} each.`;
}

export function whenToCap(findings: Findings): string {
  const [need] = needsOf(findings);
  const average = need?.average;
  const each = need === undefined ? 0 : need.bytes / need.conversations;
  const user = largestUser(measuredOf(findings), assumptions);
  return `- **\`window\`** limits what a turn reads, never what is stored: it bounds processor time and network. The average turn of this page reads ${digits(average?.messagesRead ?? 0)} messages, because long conversations have most of the turns. Set it when conversations grow to hundreds of messages; the model's context does not hold them anyway. It saves no memory.
- **\`maxMessages\`** bounds memory: the oldest messages go in the same script. It is a deletion. Set it where nobody will read the beginning again, or where it is archived. It helps where a part of the conversations is long: [the table](#what-changes-it) says by how much.
- **Shorter \`conversationTtl\` / \`ttl\`**: the number kept is arrivals a day × days, so half the days are half the memory.
- **A user** must stay below ${digits(user.conversations / 1e6)} M conversations of this kind, and in practice far below: a shard is shared. \`maxSessionsPerUser\` stays in the hundreds, as its script walks them.

Archive when the conversation must be kept and will hardly be continued. Of conversations that are read again with probability p a month:

    cost in Redis   = bytes × (1 + replicas) ÷ ${assumptions.usableMemory} × price of a GB of memory a month
    cost elsewhere  = bytes × price of a GB stored a month + p × (price of a request + price of bringing it back)

Archive from the age on at which the second is less. Of this page's conversations 1,000 are ${bytes(1_000 * each)}, for which ${bytes((1_000 * each * (1 + assumptions.replicas)) / assumptions.usableMemory)} of memory are paid. What to do: read pages with \`sessions.conversations.messages(owner, id)\` or \`getMessages()\`, store them elsewhere, then \`sessions.conversations.delete(owner, id)\` or \`clear()\`; or let the \`ttl\` take them. Redis tells nobody in time that a key is about to expire: a program that archives looks at \`lastActivityAt\` of \`sessions.conversations.list(owner)\` itself.`;
}

export function limits(findings: Findings): string {
  const { machine, plan } = findings;
  return `- **One machine.** ${machine.date}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; Node ${machine.node}, Redis ${machine.redis}, loopback, no TLS, no persistence. Servers, clients and other programs shared the cores. Bytes are the same anywhere with this Redis and allocator; microseconds are not.
- **Not measured**: more than ${count(plan.conversations)} conversations; more than three nodes; replicas, and a failover under load; TLS (it costs processor time on the same core); a network with a distance; weeks of expiry and what that does to fragmentation; other versions of Redis, and Valkey.
- **Memory** is extrapolated from ${plan.calibrationUsers} users to any number: every part of it is a count times a measured size, and tables of pointers that double. While such a table doubles, the old one is there as well: for a moment up to 16 bytes a key more.
- **Processor time** was counted by the kernel, not by the clock, with one call under way on each of 8 connections. Many calls on one connection cost less, a busier neighbour more. The model adds up calls that were measured one kind at a time; turns in the large run took more, so the answers use the ratio of the two: [the check](#the-check) has it.
- **Peaks are averages of a busy time.** What a second holds above that, and the share of users who come back at once after an outage, are the reader's to add.
- **Users of more than 128 conversations** have an index of another form (skip list), which takes more an entry; they are in the run, and the model leaves that out.
- **Text** is ASCII of made-up words, and of English where it is [compressed and sealed](#compressed-and-sealed). Two bytes a character are twice the text; what compression makes of texts in another language, or of code, differs.
- **Not in the model**: leases (\`concurrency: "wait"\`; a key a turn, gone with it), Pub/Sub of endings (one message a session that ends), session metadata, titles, \`userAgent\`, and the conversations that clients list.`;
}

export function whatRan({ plan, topologies }: Findings): string {
  const [one] = topologies;
  return `The model was given small data: keys of ${plan.calibrationUsers} users with conversations of chosen lengths (1 to 34 turns) and sizes (a quarter to four times the texts), written turn by turn, and single calls on connections of their own. It has not seen the run: ${count(plan.conversations)} conversations with the spread below, stored through \`SessionStore\` and \`RedisChatMessageHistory\`, one append each (${topologies.map(({ topology, inspected }) => `${topology}: ${count(inspected.loadSeconds)} s`).join(", ")}), weighed after the operation ids were forgotten; then ${count(one?.inspected.turns.turns ?? 0)} turns, each a verify, a read and an append. A test fails when memory or network of this table is off by more than 10 %, and processor time by more than ${percent(0.6, 0)}.`;
}
