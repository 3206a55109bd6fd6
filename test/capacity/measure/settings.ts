import { SessionStore } from "langchain-redis-sessions";
import { seededRandom } from "../../bench/measure/random.js";
import { ownersOf } from "../workload/users.js";
import type { World } from "../workload/world.js";
import { type Effort, LANES, measureCalls } from "./calibrate-calls.js";
import { type Server, startServer } from "./server.js";
import { sizesOf } from "./sizes.js";
import { store } from "./store.js";

/** The same conversations under another setting of Redis. */
export interface SettingEffect {
  readonly setting: string;
  readonly messagesBytesPerConversation: number;
  /** A session without a `userAgent`, and with one of 115 bytes. */
  readonly sessionBytes: number;
  readonly browserSessionBytes: number;
  /** Processor time of reading 50 messages and of appending a turn. */
  readonly readMicroseconds: number;
  readonly appendMicroseconds: number;
}

const settings: readonly (readonly string[])[] = [
  [],
  ["--list-max-listpack-size", "-1"],
  ["--list-max-listpack-size", "-3"],
  ["--list-compress-depth", "1"],
  ["--hash-max-listpack-value", "256"],
];
const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 ABC";

export async function measureSettings({
  world,
  conversations,
  effort,
  onPart,
}: {
  world: World;
  conversations: number;
  effort: Effort;
  onPart: (part: number) => void;
}): Promise<SettingEffect[]> {
  const found: SettingEffect[] = [];
  for (const args of settings) {
    await using server = await startServer("one node", LANES, args);
    const setting = args.length === 0 ? "as Redis comes" : `${args[0]?.slice(2)} ${args[1]}`;
    found.push({ setting, ...(await effectOn(server, world, conversations, effort)) });
    onPart(1 / settings.length);
  }
  return found;
}

async function effectOn(
  server: Server,
  world: World,
  conversations: number,
  effort: Effort,
): Promise<Omit<SettingEffect, "setting">> {
  const { clients, nodes } = server;
  const random = seededRandom(5);
  // One after the other, so that every setting gets the same texts.
  for (const owner of ownersOf(conversations, world, random)) {
    await store(clients[0] as (typeof clients)[number], owner, "conversation", random);
  }
  const mean = async (kind: string): Promise<number> =>
    (await sizesOf(nodes, 10_000, random)).find((size) => size.kind === kind)?.meanBytes ?? Number.NaN;
  const messagesBytesPerConversation = await mean("messages");
  const sessionBytes = await mean("session");
  await nodes[0]?.flushall();
  const sessions = new SessionStore({ client: clients[0] as (typeof clients)[number] });
  const init = { agentId: "support", ipAddress: "203.0.113.7", userAgent: USER_AGENT };
  for (let user = 0; user < 200; user++) await sessions.create({ ...init, userId: `user-${user}` });
  const browserSessionBytes = await mean("session");
  const calls = await measureCalls(server, effort, random);
  const cpuOf = (call: string, items: number): number =>
    calls.find((one) => one.call === call && one.items === items)?.cpuMicroseconds ?? Number.NaN;
  return {
    messagesBytesPerConversation,
    sessionBytes,
    browserSessionBytes,
    readMicroseconds: cpuOf("read", 50),
    appendMicroseconds: cpuOf("append", 2),
  };
}
