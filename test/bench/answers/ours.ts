import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { type OpenOptions, QUESTION, type Streams } from "./streams.js";

export async function openOurs({ url, keyPrefix, lease }: OpenOptions): Promise<Streams> {
  const client = new Redis(url);
  const store = new SessionStore({ client, keyPrefix });
  const answersOf = (place: string): ReturnType<SessionStore["answers"]> => store.answers(JSON.parse(place) as Session);
  return {
    newPlace: async () => {
      const { session } = await store.create({ userId: randomUUID(), agentId: "assistant" });
      return JSON.stringify(session);
    },
    begin: async (place) => {
      const answer = await answersOf(place).begin({ operationId: randomUUID(), input: QUESTION, lease });
      let said = "";
      return {
        send: (text) => {
          said += text;
          answer.send(text);
        },
        close: async () => {
          await answer.store([new AIMessage(said)]);
          await answer.close();
        },
      };
    },
    async *follow(place) {
      for await (const event of answersOf(place).follow()) {
        if ("event" in event) yield event.event as string;
        else if ("end" in event) return event.end;
      }
      return "nothing there";
    },
    found: async (place) => {
      const current = await answersOf(place).current();
      if (current === undefined) return { state: "nothing" };
      return { state: current.state, question: current.question.map(({ text }) => text).join(" ") };
    },
    close: async () => {
      await store.close();
      client.disconnect();
    },
  };
}
