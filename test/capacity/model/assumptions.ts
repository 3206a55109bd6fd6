/** What no measurement tells: what the reader has to decide, or to replace by a number of their own. */
export interface Assumptions {
  /** A conversation is kept so long after its last turn: the library's default. */
  readonly retentionDays: number;
  /** The busiest time has so many times the turns of the average second. */
  readonly peakToMean: number;
  /** How long a person who chats takes from one turn to the next. */
  readonly secondsBetweenTurns: number;
  readonly conversationsPerSession: number;
  /** A session's record stays so long after its last sign of life: the library's default idle timeout. */
  readonly idleHours: number;
  /** Memory of the machine that a shard has to itself. */
  readonly shardGiB: number;
  /** Part of it for data; the rest is for a fork's copies, buffers, and growth until somebody reacts. */
  readonly usableMemory: number;
  /** Part of one core that a shard may use at the peak. Redis runs commands on one. */
  readonly usableCpu: number;
  readonly replicas: number;
  /** The most messages that a turn reads (`window`); Infinity: all. */
  readonly window: number;
  /** The most messages that are stored (`maxMessages`); Infinity: all. */
  readonly maxMessages: number;
}

export const assumptions: Assumptions = {
  retentionDays: 30,
  peakToMean: 4,
  secondsBetweenTurns: 45,
  conversationsPerSession: 2,
  idleHours: 4,
  shardGiB: 32,
  usableMemory: 0.6,
  usableCpu: 0.5,
  replicas: 1,
  window: Number.POSITIVE_INFINITY,
  maxMessages: Number.POSITIVE_INFINITY,
};
