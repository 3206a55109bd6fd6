import { z } from "zod";
import { type Fields, isObject } from "../codec/json.js";

// This file holds everything that depends on how LangGraph keeps a part of a graph's state and shows it to streams. The
// canaries in test/frameworks fail when a version of LangGraph changes any of it.
//
// LangGraph streams each part of a state, and the writes to it, as the same values that it gives to the checkpointer. A
// server passes these values on to a browser as JSON, and a checkpointer makes JSON of them too. So a hidden part has
// three forms:
// - Nodes and streams get a `HiddenPart`. JSON leaves it out, together with its name.
// - The channel gives checkpoints the content as plain fields, which any checkpointer stores. LangGraph's serializer
//   takes them for a Map, because of their prototype.
// - So the same serializer reads the content as a Map, until the part is written again. Its JSON is `{}`.
// If a later version of LangGraph works differently, streams show the content, but it is not lost.

/** The name of the part. `toJSON` receives it as its argument. */
const NAME = "_session";
/** The channel of the states that are sent to nodes. */
const SENDS = "__pregel_tasks";
/** The symbol by which one copy of this package recognises what another copy has hidden. */
const CONTENT = Symbol.for("langchain-redis-sessions.hidden");

class HiddenPart {
  readonly #content: Fields | undefined;

  constructor(content?: Fields) {
    this.#content = content;
  }

  get [CONTENT](): Fields | undefined {
    return this.#content;
  }

  toJSON(name: string): unknown {
    if (this.#content === undefined) return undefined;
    // JSON leaves functions out, but LangGraph's serializer takes this one for a Map.
    return name === NAME ? asMap(() => {}, this.#content) : plain(this.#content);
  }
}

const NOTHING = new HiddenPart();

/**
 * The schema of a state whose part `_session` is kept in checkpoints and hidden from streams. It has the form of
 * LangGraph's `StateSchema`.
 */
export const hiddenState: object = {
  [Symbol.for("langgraph.state.state_schema")]: true,
  fields: {
    [NAME]: {
      [Symbol.for("langgraph.state.reduced_value")]: true,
      // Begin with a value, because LangGraph does not call the reducer for the first write to an empty part.
      valueSchema: {
        "~standard": { version: 1, vendor: "langchain-redis-sessions", validate: () => ({ value: NOTHING }) },
      },
      inputSchema: z.custom(),
      reducer: written,
    },
  },
};

/** Returns the content in the form in which it is written to the state. */
export function hidden(content: object): unknown {
  return new HiddenPart(content as Fields);
}

/** Returns the content of the state's part, which is hidden, or as a checkpointer has read it. */
export function opened(part: unknown): Fields | undefined {
  if (!isObject(part)) return undefined;
  if (CONTENT in part) return part[CONTENT] as Fields | undefined;
  return part instanceof Map ? Object.fromEntries(part) : part;
}

/**
 * Returns a value of a checkpoint with its hidden content in plain form. The value is the part itself, or a list of
 * states that are sent to nodes.
 */
export function withContent(value: unknown): unknown {
  if (Array.isArray(value)) return value.some(isSend) ? value.map(withContent) : value;
  if (!isObject(value)) return value;
  if (CONTENT in value) return value[CONTENT] === undefined ? undefined : plain(value[CONTENT] as Fields);
  if (!isSend(value) || !(NAME in value.args)) return value;
  return { ...value, lg_name: "Send", args: { ...value.args, [NAME]: withContent(value.args[NAME]) } };
}

/** Returns the values of a checkpoint that a saver of this library has read, and hides their content again. */
export function hiddenAgain(values: Fields): Fields {
  const sends = values[SENDS];
  const again = withPartHidden(values);
  if (Array.isArray(sends)) again[SENDS] = sends.map((send: unknown) => (isSend(send) ? withStateHidden(send) : send));
  return again;
}

function withStateHidden<Sent extends { readonly args: Fields }>(send: Sent): Sent {
  return { ...send, args: withPartHidden(send.args) };
}

function withPartHidden(values: Fields): Fields {
  const read = values[NAME];
  const isRead = read instanceof Map && read.has("lease");
  return isRead ? { ...values, [NAME]: hidden(Object.fromEntries(read)) } : { ...values };
}

/**
 * Returns true for a `Send` (a state that is sent to a node), also in the form in which LangGraph's serializer reads
 * it.
 */
function isSend(value: unknown): value is { readonly args: Fields } {
  return isObject(value) && "node" in value && isObject(value["args"]);
}

/** The channel of a part while a graph runs. LangGraph calls the reducer as a method of the channel. */
interface Channel {
  readonly value: unknown;
  checkpoint(): unknown;
}

/** Returns the written part. From then on, the channel gives checkpoints the content. */
function written(this: unknown, _before: unknown, part: unknown): unknown {
  if (!isChannel(this)) return plain(opened(part) ?? {});
  this.checkpoint = () => plain(opened(this.value) ?? {});
  return part;
}

function isChannel(value: unknown): value is Channel {
  return isObject(value) && value["lg_is_channel"] === true && "value" in value && "checkpoint" in value;
}

function plain(content: Fields): unknown {
  return asMap({ ...content }, content);
}

/** Returns the target. Code that checks for an instance of Map takes it for one. */
function asMap(target: object, content: Fields): unknown {
  Object.setPrototypeOf(target, Map.prototype);
  return Object.defineProperties(target, {
    [Symbol.iterator]: { value: () => Object.entries(content).values() },
    [CONTENT]: { value: content },
  });
}
