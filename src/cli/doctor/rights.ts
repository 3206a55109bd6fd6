import { Cluster, type Redis } from "ioredis";
import { answerChannel, endingsChannel, eventsChannel, ownerKeys } from "../../redis/keys.js";
import { textList } from "../../redis/replies.js";
import { change, type Finding, ok } from "./finding.js";
import { isRefusal } from "./refusal.js";

// In a script with the flag no-writes, Redis refuses each command that writes, but only after it has checked the user's
// rights. So this check sees missing rights, writes nothing, and needs no right to read ACLs.

/**
 * The commands that the library's scripts run, as docs/redis.md allows them, with enough arguments. A test compares the
 * two.
 */
export const scriptedCommands: readonly string[] = `
get k, set k v, del k, unlink k, exists k, type k, time
persist k, pexpire k 1, pexpireat k 1, pexpiretime k, pttl k
hget k f, hset k f v, hsetnx k f v, hmget k f, hgetall k, hdel k f, hexists k f, hlen k, hstrlen k f, hincrby k f 1, hscan k 0
rpush k v, ltrim k 0 0, lrange k 0 0, llen k, lset k 0 v
zadd k 1 m, zrem k m, zcard k, zscore k m, zrange k 0 0, zremrangebyscore k 0 0, zunionstore k 1 k
`
  .trim()
  .split(/, |\n/);

const probe = /* lua */ `#!lua flags=no-writes
local refused = {}
for _, line in ipairs(ARGV) do
  local command = {}
  for word in line:gmatch("%S+") do
    command[#command + 1] = word == "k" and KEYS[1] or word
  end
  local reply = redis.pcall(unpack(command))
  local message = type(reply) == "table" and reply.err or ""
  -- "… can't run this command", "… can't publish to the channel …", "… has no permissions to run …", by the version.
  if message:find("can't") or message:find("permission") then
    refused[#refused + 1] = command[1]
  end
end
return refused
`;

const ADVICE =
  "If this is the user of the service, allow it: docs/redis.md has the ACL line. If a right is missing, a script stops half-way.";

/** Checks that the connected user has every right that the library needs. */
export async function rights(client: Redis | Cluster, prefix: string): Promise<Finding> {
  const keys = ownerKeys(prefix, "doctor");
  const answers = answerChannel(keys.base, "doctor");
  const channels = [endingsChannel(prefix), answers, eventsChannel(answers)];
  const lines = [...scriptedCommands, ...channels.map((channel) => `publish ${channel} m`)];
  try {
    const refused = new Set(textList(await client.eval(probe, 1, keys.session("doctor"), ...lines)));
    if (!(await maySubscribe(client, channels))) refused.add("subscribe");
    return refused.size === 0
      ? ok("all that the library needs")
      : change(`refused: ${[...refused].join(", ")}`, ADVICE);
  } catch (error) {
    if (isRefusal(error)) return change(`refused: a script, or keys that begin with ${prefix}:`, ADVICE);
    throw error;
  }
}

/**
 * Returns whether the user may subscribe. Uses a connection of its own, because a subscribed connection can do nothing
 * else.
 */
async function maySubscribe(client: Redis | Cluster, channels: readonly string[]): Promise<boolean> {
  const subscriber: Redis | Cluster = client instanceof Cluster ? client.duplicate() : client.duplicate();
  subscriber.on("error", () => {});
  try {
    await subscriber.subscribe(...channels);
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  } finally {
    subscriber.disconnect();
  }
}
