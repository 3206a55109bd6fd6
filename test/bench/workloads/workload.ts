import type { Candidate } from "../measure/compare.js";
import type { Clients } from "../network/clients.js";

/** Something that a program does, and who can do it. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** Those that the others are compared with: the peer first. */
  readonly baselines: readonly string[];
  /** More than this would take minutes a round. */
  readonly mostSessions: number;
  readonly candidates: (clients: Clients, sessions: number) => Candidate[] | Promise<Candidate[]>;
}
