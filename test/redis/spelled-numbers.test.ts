// Redis 7.2.0 to 7.2.4 spells a number that a script passes to a command as "1e+8" when it ends in eight zeros, and its own
// commands then refuse it (redis/redis#13113). Here every server does so: a function in front of each script does it.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { AgentMemory, RedisChatMessageHistory, type RedisClient, SessionStore } from "langchain-redis-sessions";
import { scripts } from "./support/all-scripts.js";
import { freshId, turn } from "../support/turns.js";

const spelling = /* lua */ `
local server = redis
local redis = setmetatable({
  call = function(...)
    local sent = { ... }
    for i = 1, #sent do
      if type(sent[i]) == "number" and sent[i] ~= 0 and sent[i] % 100000000 == 0 then
        sent[i] = string.format("%e", sent[i])
      end
    end
    return server.call(unpack(sent))
  end,
}, { __index = server })
`;
const spelled = new Map(scripts.map(({ sha1, lua }) => [sha1, lua.replace("--]]", `--]]${spelling}`)]));

const { host, port } = inject("servers").single;
let redis: Redis;
let client: RedisClient;
beforeAll(() => {
  redis = new Redis({ host, port });
  client = {
    status: "ready",
    evalsha: (sha1, numberOfKeys, rest) => redis.eval(spelled.get(sha1) ?? "", numberOfKeys, ...rest),
    eval: (lua, numberOfKeys, rest) => redis.eval(lua, numberOfKeys, ...rest),
    call: (name, ...rest) => redis.call(name, ...rest),
    pipeline: (commands) => redis.pipeline(commands),
    duplicate: () => redis.duplicate(),
  };
});
afterAll(() => redis.quit());

/** 100,000,000 milliseconds. */
const DURATION = "100000s";

test("a history keeps its ttl on a server that spells numbers with an exponent", async () => {
  const sessionId = freshId();
  const history = new RedisChatMessageHistory({ client, sessionId, ttl: DURATION });
  await history.addMessages(turn("hello"));
  expect(await redis.pttl(`chat:history:{${sessionId}}:messages`)).toBeGreaterThan(99_000_000);
});

test("a session, its conversation and its memory do, and say so in the same words", async () => {
  const sessions = new SessionStore({
    client,
    idleTimeout: DURATION,
    lifetime: DURATION,
    conversationTtl: DURATION,
    maxTokenLifetime: DURATION,
  });
  const owner = { userId: freshId() };
  const { session } = await sessions.create({ ...owner, agentId: "support" });
  await sessions.history(session).addMessages(turn("hello"));
  await sessions.memory(session).set("note", "…", { ttl: DURATION });
  const [record = ""] = await redis.keys(`chat:user:*:session:${session.id}`);
  expect(await redis.hget(record, "idle")).toBe("100000000");
  expect(await sessions.endAll(owner)).toBe(1);
  await sessions.eraseUser(owner);
});

test("a namespace of agent memory keeps its ttl, its limits and a number", async () => {
  const memory = new AgentMemory({
    client,
    namespace: freshId(),
    ttl: DURATION,
    limits: { storageBytes: 100_000_000, valueBytes: 100_000_000, keys: 100_000_000, writesPerDay: 100_000_000 },
  });
  await memory.set("note", "…", { ttl: DURATION });
  expect(await memory.increment("number", 300_000_000)).toBe(300_000_000);
  expect(await memory.append("list", "one", { max: 100_000_000 })).toBe(1);
});
