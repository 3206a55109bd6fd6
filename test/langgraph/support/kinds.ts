import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { type Fault, ModelSaver, ModelStorage } from "./model-saver.js";
import type { Kind } from "./place.js";

/** A saver in memory that keeps every promise. A fault makes it break one. */
export function model(fault?: Fault): Kind {
  return {
    name: fault === undefined ? "the model" : `a saver of which ${fault}`,
    place: () => {
      const storage = new ModelStorage();
      return { open: (options) => new ModelSaver(storage, options, fault) };
    },
  };
}

/** LangGraph's own saver. It has no options. */
export const memory: Kind = {
  name: "MemorySaver",
  place: () => {
    const saver = new MemorySaver();
    return { open: () => saver };
  },
};
