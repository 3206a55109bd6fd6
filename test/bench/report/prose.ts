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

export const whatBoundsIt = `- **Append**: one round trip, so away the network is all of it. On loopback: writing to the socket (a fifth to a third of the process's samples in a profile), the script in Redis, and ioredis. What is this library's own is small: a history object, two messages encoded and a digest are about 20 µs of processor time; a timer for the deadline is about 6 µs more.
- **Read**: for each message ioredis makes a string (1.3 µs), \`JSON.parse\` reads it (1.3 µs), LangChain's constructor makes a message (0.1 to 0.8 µs) and a \`WeakSet\` remembers that it was handed out (0.2 µs), by which a caller that stores its whole state does not store a message twice. Raw ioredis does the first two only. Up to 100 messages the second command of the pipeline counts too: it reads the mark of the last \`clear()\`, by which a turn in flight is refused. @langchain/community asks for no such thing, and is faster there on loopback.
- **Encode**: one walk that looks for what JSON would change, and \`JSON.stringify\`.
- **Decode**: \`JSON.parse\` and the constructor; what is checked beside costs a tenth.
- **A whole turn**: LangChain's callbacks, prompt and runnables; away, its two round trips, three with \`concurrency: "wait"\`.
- **Sessions**: creating, verifying and ending are scripts over a record and an index, where the others set or get one string: on loopback that is what they cost, away it is one round trip against one or two.
- **Agent memory**: a script that keeps versions, deadlines and quotas, against one \`GET\` or \`SET\`.
- **Bytes**: the text. Of the typical turn it is 834 bytes here and 893 there (0.93×), but Redis keeps a list in nodes of 8 KiB, and as many of them are needed for either. An append also leaves 152 bytes for two minutes, under its operation id.

Tried and kept: checking a history's options anew only where they differ from the last ones in more than the id (measured side by side, an append took 0.78× the processor time and 0.82× the time, reading 100 messages 0.87× and 0.89×), and the digest of a batch in one call of \`crypto.hash\`, in the same measurement. Tried and dropped, for no gain beyond the noise: settling a call without \`finally\`, one \`JSON.parse\` for all entries (slower), a brand on the messages in the place of the \`WeakSet\` (half its cost, for code that hides what it does).`;
