import autocannon from "autocannon";
import { Visitor } from "./visitor.js";

/** Many people who chat at the same time, each in a session of their own, one message after another. */
export interface Crowd {
  readonly visitors: readonly Visitor[];
  readonly turnsEach: number;
}

export async function gather(
  url: string,
  jwtFor: (userId: string) => Promise<string>,
  { people, turnsEach, withSessions }: { people: number; turnsEach: number; withSessions: boolean },
): Promise<Crowd> {
  const visitors: Visitor[] = [];
  for (let number = 0; number < people; number++) {
    const visitor = new Visitor(url, await jwtFor(`person-${number}`));
    if (withSessions) await visitor.start();
    visitors.push(visitor);
  }
  return { visitors, turnsEach };
}

export interface Outcome {
  /** Answers with 200. */
  readonly answered: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds from the message to the whole answer. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

const messageOf = (turn: number): string => `message ${turn}`;

/** All speak at once; whoever has an answer goes on with the next message. */
export async function chat(url: string, { visitors, turnsEach }: Crowd): Promise<Outcome> {
  let next = 0;
  const instance = autocannon({
    url,
    connections: visitors.length,
    amount: visitors.length * turnsEach,
    timeout: 120,
    setupClient: (client) => {
      const { credentials } = visitors[next++] ?? { credentials: {} };
      client.setRequests(
        Array.from({ length: turnsEach }, (_, turn) => ({
          method: "POST" as const,
          path: "/agents/assistant/chat",
          headers: { ...credentials, "Idempotency-Key": `turn-${turn}` },
          body: JSON.stringify({ message: messageOf(turn) }),
        })),
      );
    },
  });
  const result = await instance;
  return {
    answered: result["2xx"],
    failed: result.non2xx + result.errors + result.timeouts,
    seconds: (result.finish.getTime() - result.start.getTime()) / 1_000,
    latency: { p50: result.latency.p50, p99: result.latency.p99 },
  };
}

/** How many turns are not there once and whole, in the order in which they were said. */
export async function lostTurns({ visitors, turnsEach }: Crowd): Promise<number> {
  let lost = 0;
  for (const visitor of visitors) {
    const { json } = await visitor.send(`/conversations/${visitor.session.conversationId}/messages?limit=100`);
    const stored = json.messages as { type: string; text: string; interrupted?: boolean }[];
    const expected = Array.from({ length: turnsEach }, (_, turn) => turn);
    const whole = expected.filter((turn) => {
      const [human, answer] = [stored[2 * turn], stored[2 * turn + 1]];
      const said = human?.type === "human" && human.text === messageOf(turn);
      return said && answer?.type === "ai" && answer.text !== "" && answer.interrupted === undefined;
    });
    lost += turnsEach - whole.length + Math.max(0, stored.length - 2 * turnsEach);
  }
  return lost;
}
