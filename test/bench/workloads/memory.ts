import type { Redis } from "ioredis";
import { AgentMemory } from "langchain-redis-sessions";
import { OURS, RAW } from "./names.js";
import type { Workload } from "./workload.js";

const value = { language: "French", tone: "short and friendly", likes: ["tables", "examples"], visits: 12 };
const common = { baselines: [RAW], mostSessions: 256 };

export const setMemory: Workload = {
  ...common,
  name: "memory-set",
  title: "Set a value of agent memory",
  candidates: ({ ioredis }, sessions) => {
    const memories = Array.from({ length: sessions }, (_, user) => memoryOf(ioredis, user));
    return [
      { name: OURS, run: (session) => memories[session]?.set("preferences", value) },
      { name: RAW, run: (session) => ioredis.set(`raw-${session}`, JSON.stringify(value)) },
    ];
  },
};

export const getMemory: Workload = {
  ...common,
  name: "memory-get",
  title: "Get a value of agent memory",
  candidates: async ({ ioredis }, sessions) => {
    const memories = Array.from({ length: sessions }, (_, user) => memoryOf(ioredis, user));
    await Promise.all(memories.map((memory) => memory.set("preferences", value)));
    await Promise.all(memories.map((_, user) => ioredis.set(`raw-${user}`, JSON.stringify(value))));
    return [
      { name: OURS, run: (session) => memories[session]?.get("preferences") },
      { name: RAW, run: async (session) => JSON.parse((await ioredis.get(`raw-${session}`)) ?? "") as unknown },
    ];
  },
};

function memoryOf(client: Redis, user: number): AgentMemory {
  return new AgentMemory({ client, namespace: `user-${user}` });
}
