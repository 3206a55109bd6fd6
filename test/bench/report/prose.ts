import type { Findings } from "../run.js";
import { formatMilliseconds } from "./find.js";

export function howItIsMeasured({ machine, plan, pings }: Findings): string {
  const versions = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const distances = Object.entries(pings)
    .map(([delay, ping]) => `${delay === "0" ? "loopback" : `${delay} ms away`} ${formatMilliseconds(ping)}`)
    .join(", ");
  return `${machine.date}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; Node ${machine.node}, Redis ${machine.redis} without persistence; ${versions.join(", ")}. In the minute before, the load of the machine was ${machine.load.toFixed(1)}. Compare ratios, not milliseconds: of a machine that does other things too, they are wider and mostly larger.

- The candidates of a comparison take turns on one server: ${plan.warmUpRounds} rounds of warm-up, then up to ${plan.rounds} that count, each in another random order (seed ${plan.seed}), about ${plan.sliceMilliseconds} ms a candidate. A ratio is the median of the ratios within a round; its interval is that of 1,000 bootstrap resamples of the rounds.
- A session does one operation after the other; 16 or 256 do so at once, over one connection for each client. p99 is by nearest rank; with few operations, as far away, it is the slowest one or nearly so.
- Each operation makes a new history object, as a program does for each turn. @langchain/redis is given one connected client; with a \`url\` it would make connections of its own.
- What is away is reached through a process that holds each reply back; every candidate goes through it. A PING takes: ${distances}. On loopback nothing is in between.
- A turn is a question of 90 characters and an answer of 405 with the metadata of a provider. Each history sets a time to live. In a whole turn a conversation has ten turns, and a prompt and a function are the model.
- Raw ioredis is \`RPUSH\` and \`EXPIRE\` in one pipeline, \`LRANGE\` and \`JSON.parse\`, \`SET\`, \`GETEX\`, \`DEL\`: what Redis, the client and JSON cost, and no promise kept. It makes no messages when it reads. "By hand" is a turn around these.
- connect-redis is measured inside express-session with requests and responses that have no connection: HTTP is not part of it.
- Round trips are counted at the wire: requests that come after replies. Reading 10,000 messages is not measured with 256 sessions: so many messages at once are more than a Node process holds.`;
}

export const whatBoundsIt = `- **Append**: one round trip, so away the network is all of it. On loopback, of the processor time here: writing to the socket (a quarter of the samples in a profile), then ioredis, two messages encoded, a digest, keys. In Redis the script takes 16 µs where 50 wait in line, twice as much alone; the seven commands that it consists of take 14 µs of the 16 when nothing else is in a script, and an empty script takes 4.
- **Read**: \`LRANGE\` and \`JSON.parse\`, as for raw ioredis, which makes no messages. To make them takes an eighth of what parsing takes: not by LangChain's constructors, but by the assignments that these make, to objects of the same prototype (\`src/codec/stencils.ts\`). Without these assignments, in a process that has met several classes of messages, decoding 1,000 messages takes 1.1 to 1.3 times the processor time on Node 22 and 24, and 2.3 to 2.5 times on Node 20. A whole loopback read of them takes 1.1 to 1.3 and 1.2 to 1.6 times. That would put reads at or beyond their target. Before the first message of a class, what comes of that is compared with what the constructor makes; where it is not the same in every property, as with a version that adds one, they are used. What is this library's own: a note on each message of who handed it out, by which a caller that stores its whole state does not store a message twice; and looking whether an entry is whole. The figures of this page also contain a second command, which reads the mark of the last \`clear()\`: by that mark, a turn in flight is refused. It counted where short histories are read by many at once. Since they were measured, entries that follow a \`clear()\` carry its mark, and a process sends the second command only for a history in which it has not found messages before.
- **Node 20**, which the Node project supports no more, runs constructors far more slowly: once a process has met more than a few classes of messages, V8 no longer specialises the one that all share. Reads here do without, so the same benchmark on Node 20, right after this one, has them at 1.10, 1.09 and 1.12 of raw ioredis for 100, 1,000 and 10,000 messages, and those of @langchain/community at 1.22, 1.27 and 1.29; an append at 0.40 of theirs, 0.27 with 1 ms.
- **Another machine**: ratios differ on loopback, where they depend on how long a system call takes beside the rest. A slower one of the same kind, the same day, has an append at 0.45 (0.44–0.46) of @langchain/community on Node 24, 0.48 on Node 20, and reads at 1.12 to 1.19 of raw ioredis.
- **Encode**: one walk that looks for what JSON would change, and \`JSON.stringify\`.
- **Decode**: \`JSON.parse\`; a dozen assignments and what is checked take a fifth of it.
- **A whole turn**: LangChain's callbacks, prompt and runnables; away, its two round trips, three with \`concurrency: "wait"\`.
- **Sessions**: creating, verifying and ending are scripts over a record and an index, where the others set or get one string: on loopback that is what they cost, away it is one round trip against one or two.
- **Agent memory**: a script that keeps versions, deadlines and quotas, against one \`GET\` or \`SET\`.
- **Bytes**: the text, which is 822 bytes of a typical turn here and 893 there (0.92×). A conversation of one turn has the longer key to carry. An append also leaves 184 bytes for two minutes, under its operation id.
- **Many at once**: one connection, so its order; what counts then is processor time here, and ours is more than what raw ioredis takes.
- **Redis itself**: \`LATENCY\`, over 20 s of 16 clients that read, append, create, verify and remember (69,000 rounds, 7.7 million commands), had commands of up to 3 ms and no event of another kind.

Tried and kept, each measured side by side with what it replaced:

- Making messages without LangChain's constructors, and a private field on each in the place of a \`WeakSet\` of all: together, reads of 10, 100, 1,000 and 10,000 messages take 0.93, 0.86, 0.80 and 0.81 of the time on Node 24, and 0.82, 0.60, 0.50 and 0.48 on Node 20.
- Sending the two commands of a history's read by themselves, not in a pipeline of ioredis: 1.00 to 1.03 of one command's time, the pipeline 1.07 to 1.18.
- Sending the five of a session's read as a pipeline: 16 reads at once take 0.7 of the time with 2 messages, 0.8 with 20, 0.95 with 100, and 0.45 to 0.8 of Redis' processor time; one at a time on loopback they take 1.4 to 1.05.
- Checking a history's options anew only where they differ from the last ones in more than the id: 0.82 of an append, 0.89 of reading 100 messages.
- Settling a call without \`finally\`, and ids that need no encoding not encoded: together 0.96 to 0.98 of an append. Setting the timer of a deadline after the command was sent, and completing messages in place in the script: together 0.99.
- Creating a session with half the commands in its script (one \`HSET\`, an answer made of what was set, no \`ZSCORE\` of what \`ZRANGE\` has just returned), and one draw of random bytes where there were three: 0.85 and 0.8 of a create with 16 and 256 at once, 0.9 of Redis' time. A command costs a script more for being called than for what it does.
- No version in an entry that has the first format: 12 bytes a turn. The digest of a batch in one call of \`crypto.hash\`.

Tried and dropped, for no gain beyond the noise or a loss elsewhere:

- Reading buffers and decoding many entries at once; one \`JSON.parse\` for all entries (slower); taking a message that is nothing but text from its entry without \`JSON.parse\` (slower within a read, though four times as fast by itself).
- The stencils' common assignments written out in each: 0.95 of decoding alone, nothing of a read.
- Fewer commands in the script that appends (one \`SET NX GET\` for \`GET\` and \`SET\`), or its functions written out: 1 to 2 of 19 µs.
- One script in place of four of a session's five commands: a tenth less time here, a quarter more of Redis'.`;
