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
- Round trips are counted at the wire: requests that come after replies. Reading 1,000 messages is not measured with 256 sessions, and 10,000 with one only: a round would take minutes.`;
}

export const whatBoundsIt = `- **Append**: one round trip, so away the network is all of it. On loopback, of the processor time here: writing to the socket (a quarter of the samples in a profile), then ioredis, two messages encoded, a digest, keys. In Redis the script takes 16 µs where 50 wait in line, twice as much alone; the seven commands that it consists of take 14 µs of the 16 when nothing else is in a script, and an empty script takes 4.
- **Read**: \`LRANGE\`, \`JSON.parse\`, and LangChain's constructors, as in @langchain/community, which does nothing else. Raw ioredis makes no messages. In a process that has seen messages of one or two classes only, the constructors are cheap, and a read is at 1.2 to 1.3 of raw ioredis; in one that has met calls of tools too, as most have and as this one has when times are measured, V8 no longer specialises the constructor that all classes share, and to parse and construct alone takes 1.4 to 1.5 of raw ioredis. What is this library's own: a second command, which reads the mark of the last \`clear()\`, by which a turn in flight is refused; a \`WeakSet\` of what was handed out, by which a caller that stores its whole state does not store a message twice; and looking whether an entry is whole. It counts up to some hundreds of messages.
- **Encode**: one walk that looks for what JSON would change, and \`JSON.stringify\`.
- **Decode**: \`JSON.parse\` and the constructor; what is checked beside costs a tenth.
- **A whole turn**: LangChain's callbacks, prompt and runnables; away, its two round trips, three with \`concurrency: "wait"\`.
- **Sessions**: creating, verifying and ending are scripts over a record and an index, where the others set or get one string: on loopback that is what they cost, away it is one round trip against one or two.
- **Agent memory**: a script that keeps versions, deadlines and quotas, against one \`GET\` or \`SET\`.
- **Bytes**: the text, which is 822 bytes of a typical turn here and 893 there (0.92×). A conversation of one turn has the longer key to carry. An append also leaves 184 bytes for two minutes, under its operation id.
- **Many at once**: one connection, so its order; what counts then is processor time here, and ours is more than what raw ioredis takes.

Tried and kept, each measured side by side with what it replaced: sending the commands of a read by themselves, not in a pipeline of ioredis (1.00 to 1.03 of one command's time, the pipeline 1.07 to 1.18); no version in an entry that has the first format (12 bytes a turn); settling a call without \`finally\`, and ids that need no encoding not encoded (together 0.96 to 0.98 of the time of an append); checking a history's options anew only where they differ from the last ones in more than the id (0.82 of an append, 0.89 of reading 100 messages); the digest of a batch in one call of \`crypto.hash\`. Tried and dropped, for no gain beyond the noise: reading buffers and decoding many entries at once; one \`JSON.parse\` for all entries (slower); a \`Set\` or a brand on the messages in the place of the \`WeakSet\`; fewer commands or less text in the script that appends. Not tried: making messages without LangChain's constructors, which would depend on how they are written.`;
