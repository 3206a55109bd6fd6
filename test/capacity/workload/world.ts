import type { Spread } from "./spread.js";

/** What users do: the assumptions behind the data that a run stores. docs/capacity.md lists them. */
export interface World {
  readonly conversationsPerUser: Spread;
  readonly turnsPerConversation: Spread;
  readonly questionBytes: Spread;
  readonly answerBytes: Spread;
  readonly toolResultBytes: Spread;
  /** Part of the turns that call a tool: four messages instead of two. */
  readonly toolTurns: number;
  /** Part of the conversations that are standalone histories, of no user. */
  readonly standalone: number;
  /** Part of the users who have a second session. */
  readonly secondSession: number;
  /** Part of the users of whom the agent remembers something. */
  readonly remembered: number;
  readonly valuesPerMemory: Spread;
  readonly valueBytes: Spread;
}

export const world: World = {
  conversationsPerUser: { median: 2.5, sigma: 1, least: 1, most: 1_000 },
  turnsPerConversation: { median: 3.5, sigma: 0.95, least: 1, most: 500 },
  questionBytes: { median: 80, sigma: 0.9, least: 2, most: 20_000 },
  answerBytes: { median: 600, sigma: 0.8, least: 10, most: 40_000 },
  toolResultBytes: { median: 800, sigma: 1, least: 10, most: 60_000 },
  toolTurns: 0.15,
  standalone: 0.25,
  secondSession: 0.2,
  remembered: 0.1,
  valuesPerMemory: { median: 4, sigma: 0.7, least: 1, most: 100 },
  valueBytes: { median: 120, sigma: 0.6, least: 10, most: 2_000 },
};
