import type { Findings } from "../run.js";
import { formatMilliseconds } from "./find.js";

export function howItIsMeasured({ machine, plan, pings }: Findings): string {
  const versions = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const distances = Object.entries(pings)
    .map(([delay, ping]) => `${delay === "0" ? "loopback" : `${delay} ms away`} ${formatMilliseconds(ping)}`)
    .join(", ");
  return `${machine.date}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; Node ${machine.node}, Redis ${machine.redis} without persistence; ${versions.join(", ")}. In the minute before, the load of the machine was ${machine.load.toFixed(1)}. Compare ratios, not milliseconds. On a machine that does other things too, ratios have wider intervals, and most are larger.

- The candidates of a comparison take turns on one server. After ${plan.warmUpRounds} rounds of warm-up, up to ${plan.rounds} rounds count. Each round has another random order (seed ${plan.seed}), and gives each candidate about ${plan.sliceMilliseconds} ms. A ratio is the median of the ratios within a round. Its interval is that of 1,000 bootstrap resamples of the rounds.
- A session does one operation after the other. With 16 or 256 sessions, all of them share one connection for each client. p99 is by nearest rank. With few operations, as over a distance, p99 is the slowest operation or nearly so.
- Each operation makes a new history object, as a program does for each turn. @langchain/redis gets one connected client. With a \`url\`, it would make connections of its own.
- A process that holds each reply back stands for the distance. It sleeps until a reply is due, so it takes little of a processor (0.2 of one while 256 callers create sessions). All candidates go through it. On loopback, nothing is in between. A PING takes: ${distances}.
- A turn is a question of 90 characters and an answer of 405 with the metadata of a provider. Each history sets a time to live. In a whole turn, the conversation has ten turns, and a prompt and a function stand for the model.
- Raw ioredis is \`RPUSH\` and \`EXPIRE\` in one pipeline, \`LRANGE\` and \`JSON.parse\`, \`SET\`, \`GETEX\`, and \`DEL\`. This is what Redis, the client and JSON cost without any promise. Raw ioredis makes no messages when it reads. "By hand" is a turn around these commands.
- connect-redis runs inside express-session, with requests and responses that have no connection. HTTP is not part of the time.
- Round trips are counted at the wire: a request that comes after a reply begins a round trip. Reading 10,000 messages is not measured with 256 sessions, because a Node process cannot hold so many messages at once.`;
}

export const whatBoundsIt = `- **Append**: one round trip. Over a distance, the network takes all of the time. On loopback, processor time here decides: writing to the socket first, then ioredis, the encoding of two messages, a digest, and keys. In Redis, the script takes 16 µs when 50 calls wait in line, and twice as much alone. Its seven commands take 14 of the 16 µs by themselves, and an empty script takes 4 µs.
- **Read**: \`LRANGE\` and \`JSON.parse\`, as with raw ioredis, which makes no messages. Making messages takes an eighth of the time of parsing. The library does not call LangChain's constructors for this. It makes objects of the same prototype with the same assignments (\`src/codec/stencils.ts\`). Before the first message of a class, it compares such an object with what the constructor makes. If they differ in any property, as with a later version of LangChain, it calls the constructor. Beside that, the library notes on each message who handed it out, and checks that each entry is whole.
- **Read of a short history**: one \`LRANGE\`. Entries that follow a \`clear()\` carry its mark, by which a turn in flight is refused. So a process that has found messages in a list needs no second command for the mark.
- **Node 20** runs constructors far more slowly: once a process has met several classes of messages, V8 no longer specialises the constructor that all of them share. With LangChain's constructors, decoding 1,000 messages took 2.3 to 2.5 times the processor time on Node 20, and 1.1 to 1.3 times on Node 22 and 24.
- **Many at once**: one connection keeps the order, so processor time decides. The library writes the commands of one tick together: the first at once, then 2, 4 and 8. ioredis writes each command by itself, and such a write took more time than anything else here.
- **Encode**: one walk that looks for what JSON would change, and \`JSON.stringify\`.
- **Decode**: \`JSON.parse\`. The assignments and checks take a fifth of the time.
- **A whole turn**: LangChain's callbacks, prompt and runnables. Over a distance, its two round trips, or three with \`concurrency: "wait"\`.
- **Sessions**: creating, verifying and ending are scripts over a record and an index, while the others set or get one string. A created session takes Redis some 27 µs beside 3 µs for a \`SET\`: its record, its place in the index, two deadlines, and the note under its operation id. Over a distance, one round trip stands beside one or two. With 256 at once, ratios differ from run to run: three longer runs (61 rounds each) had 1.01×, 1.11× and 1.01× on loopback, and 1.00×, 1.16× and 1.31× 1 ms away, where this process, the link and Redis share two processors.
- **Agent memory**: a script that keeps versions, deadlines and quotas, beside one \`GET\` or \`SET\`.
- **Bytes**: mostly the text. A typical turn takes 822 bytes here and 893 bytes there (0.92×). The key is longer here, which counts in a conversation of one turn. An append also leaves 184 bytes for two minutes, under its operation id.
- **Another machine**: on loopback, ratios depend on how long a system call takes beside the rest.
- **Redis itself**: over 20 s of 16 clients that read, append, create, verify and remember (69,000 rounds, 7.7 million commands), \`LATENCY\` had commands of up to 3 ms and no event of another kind.

<details>

<summary>What was tried</summary>

Kept. Each was measured side by side with what it replaced:

- Writing the commands of one tick together: with 16 calls at once, a read takes 0.6 of the time, an append 0.7, and the creation of a session 0.8. One call at a time takes as long as before.
- Making messages without LangChain's constructors, with a private field on each message instead of a \`WeakSet\` of all: reads of 10, 100, 1,000 and 10,000 messages take 0.93, 0.86, 0.80 and 0.81 of the time on Node 24, and 0.82, 0.60, 0.50 and 0.48 on Node 20.
- Reading a short history with one command instead of two: 0.6 of the processor time of a read.
- Sending the two commands of a history's first read without a pipeline of ioredis: 1.00 to 1.03 of the time of one command. The pipeline takes 1.07 to 1.18.
- Sending the five commands of a session's read as a pipeline: 16 reads at once take 0.7 of the time with 2 messages, 0.8 with 20, and 0.95 with 100. One at a time on loopback, they take 1.4 to 1.05.
- Checking a history's options again only if they differ from the last ones in more than the id: 0.82 of an append, 0.89 of reading 100 messages.
- Settling a call without \`finally\`, and not encoding ids that need no encoding: together 0.96 to 0.98 of an append. Setting the timer of a deadline after the command was sent, and completing messages in place in the script: together 0.99.
- Creating a session with half the commands in its script, and one draw of random bytes instead of three: 0.85 and 0.8 of the time with 16 and 256 at once.
- Looking at a user's earlier sessions only if the limit is reached or the oldest one has expired, and answering with the time alone: 0.8 of the script.
- Creating a session: a list of arguments becomes a table in one step, keys of a conversation are sent only if the session continues one, and the oldest session is looked at only if it may have expired. Redis takes 0.85 of the time for it, and 256 at once take 0.92.
- Encoding a message for LangGraph's saver again only if it was changed: a turn after 100 turns takes 0.7 of the time.
- No version in an entry that has the first format: 12 bytes a turn less. The digest of a batch in one call of \`crypto.hash\`.

Dropped, for no gain beyond the noise, or for a loss elsewhere:

- Reading buffers and decoding many entries at once. One \`JSON.parse\` for all entries (slower). Taking a message of plain text from its entry without \`JSON.parse\` (slower within a read, though four times as fast by itself).
- Writing the stencils' common assignments out in each stencil: 0.95 of decoding alone, and no gain in a read.
- Fewer commands in the script that appends (one \`SET NX GET\` for \`GET\` and \`SET\`), or its functions written out: 1 to 2 of 19 µs.
- More than 8 commands together (16, 32 or 64): 0.92 to 1.05 of the time, by operation and run.
- A chat history without the rest of the package, as a file of its own: a cold start of 1.03 in place of 1.06. As an entry with its code in three files, it took 1.07 of the peer's time on Node 20, 1.04 on Node 22, and 0.93 to 0.94 on Node 24, where one collection of garbage fell away. Short names save 0.01, and Lua in plain strings nothing.
- Four files in place of sixteen: 0.97 of a cold start on Node 22 and 24, and no gain on Node 20. But a bundler then keeps 490 kB of this package for a chat history, in place of 185 kB.
- One script instead of four of a session's five commands: a tenth less time here, and a quarter more of Redis' time.
- A pool of random bytes for tokens that outlives a tick: it would save 5 µs of a creation, but a copied process, as after a snapshot of a virtual machine, would hand out the same tokens.

</details>`;
