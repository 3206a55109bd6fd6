import { Redis } from "ioredis";
import { afterAll, inject } from "vitest";
import { SessionStore } from "langchain-redis-sessions";

// For a file that imports this: one store on one Redis, which lasts as long as the file.

export const client: Redis = new Redis(inject("servers").single);
export const sessions: SessionStore = new SessionStore({ client });

afterAll(async () => {
  await sessions.close();
  await client.quit();
});
