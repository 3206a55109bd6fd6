import type { BaseCheckpointSaver, SerializerProtocol } from "@langchain/langgraph-checkpoint";

/** The options of a saver that a promise asks for. */
export interface SaverOptions {
  readonly maxCheckpoints?: number | "all";
  readonly forks?: "allow" | "refuse";
  readonly serde?: SerializerProtocol;
}

/** A saver; with what this library's savers do beyond LangGraph's interface, where it has it. */
export interface Saver extends BaseCheckpointSaver {
  prune?(threadId: string, options: { readonly keep: number }): Promise<unknown>;
}

/** Where threads are kept. */
export interface Place {
  /** Opens a saver on it. Each one is like another process: the savers share nothing but the place. */
  readonly open: (options?: SaverOptions) => Saver;
}

/** What not every kind of saver has. */
export type Ability = "prune" | "any thread id";

/** A kind of saver. */
export interface Kind {
  readonly name: string;
  /** Absent: nothing. */
  readonly lacks?: readonly Ability[];
  /** Makes an empty place, which no other test sees. */
  readonly place: () => Place;
}
