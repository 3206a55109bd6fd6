import { getEventListeners } from "node:events";
import { type BaseMessage, RemoveMessage } from "@langchain/core/messages";
import { mergeConfigs, type RunnableConfig } from "@langchain/core/runnables";
import { type Fields, isObject } from "../codec/json.js";

// This file holds everything that depends on internals of @langchain/langgraph, which this library does not import. The
// canaries in test/frameworks fail when a version of LangGraph changes any of it.

/** The runtime that a graph's node or a middleware's hook receives beside the state. */
export interface NodeRuntime {
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  /** The signal of the step. */
  readonly signal?: AbortSignal | undefined;
}

/** Returns true for a compiled graph. */
export function isGraph(runnable: object): boolean {
  return "lg_is_pregel" in runnable;
}

/** An input that resumes a paused graph, updates its state, or routes it to a node (a Command). */
export interface GraphCommand {
  readonly resume?: unknown;
  readonly goto?: unknown;
}

/** Returns true for a Command. */
export function isCommand(input: unknown): input is GraphCommand {
  return isObject(input) && input["lg_name"] === "Command";
}

/**
 * Returns true for the output of a graph that waits for a person, including the note that a stream yields in place of
 * the state.
 */
export function isPaused(output: unknown): output is object {
  return isObject(output) && "__interrupt__" in output;
}

/** Returns the state of a graph, without the note that it waits for a person. */
export function withoutPause({ __interrupt__, ...state }: Fields): Fields {
  return state;
}

/** Returns true if the run has a checkpointer. Only then can it pause and go on later. */
export function hasCheckpointer({ configurable }: NodeRuntime): boolean {
  return Boolean(configurable?.["__pregel_checkpointer"]);
}

/** The part of a checkpointer that this library uses. */
interface Checkpointer {
  getTuple(
    config: RunnableConfig,
  ): Promise<
    { readonly pendingWrites?: readonly (readonly [task: string, channel: string, value: unknown])[] } | undefined
  >;
}

/**
 * Returns true if a finished run of a node waits for a person: the latest checkpoint of its graph has an interrupt
 * without an answer.
 */
export async function waitsForPerson({ configurable = {} }: NodeRuntime): Promise<boolean> {
  const checkpointer = configurable["__pregel_checkpointer"];
  if (!isObject(checkpointer)) return false;
  // A node's namespace is its graph's namespace, followed by the node's own name.
  const own = configurable["checkpoint_ns"];
  const namespace = typeof own === "string" ? own.slice(0, Math.max(0, own.lastIndexOf("|"))) : "";
  const { checkpoint_id: _, checkpoint_map: _map, ...others } = configurable;
  const found = await (checkpointer as unknown as Checkpointer).getTuple({
    configurable: { ...others, checkpoint_ns: namespace },
  });
  const channels = new Set((found?.pendingWrites ?? []).map(([, channel]) => channel));
  return channels.has("__interrupt__") && !channels.has("__resume__");
}

/** Returns true for a Command that resumes a graph or routes it to a node. */
export function answersOrRoutes({ resume, goto }: GraphCommand): boolean {
  return resume !== undefined || [goto ?? []].flat().length > 0;
}

/** The thread of a graph, as its checkpointer holds it. */
export interface Thread {
  /** The state, as the graph returns it. */
  readonly values: unknown;
  /** True if a run has not ended: it waits for a person, broke off, or is under way. */
  readonly isOpen: boolean;
}

/**
 * The part of a graph that this library uses. The config of a graph that runs inside another one has `__pregel_read`.
 */
interface CheckpointedGraph {
  readonly checkpointer?: unknown;
  readonly config?: RunnableConfig | undefined;
  getState(config: RunnableConfig): Promise<{
    readonly values: unknown;
    readonly next: readonly unknown[];
    readonly tasks: readonly { readonly interrupts?: readonly unknown[] }[];
  }>;
}

interface ThreadDeleting {
  deleteThread(threadId: string, session: unknown): Promise<void>;
}

/**
 * Returns true if the runnable is a graph with a checkpointer of its own and does not run inside another graph. Only
 * then does `invoke()` return when the graph pauses, and can a Command resume it.
 */
export function keepsThread(runnable: object, { configurable }: NodeRuntime): boolean {
  const { checkpointer } = runnable as Partial<CheckpointedGraph>;
  return isGraph(runnable) && isObject(checkpointer) && configurable?.["__pregel_read"] === undefined;
}

/** Returns the thread of a call, read from the graph's checkpointer. */
export async function threadOf(graph: object, config: RunnableConfig): Promise<Thread> {
  const { config: bound } = graph as CheckpointedGraph;
  const { values, next, tasks } = await (graph as CheckpointedGraph).getState(mergeConfigs(bound, config));
  // `next` does not list a node that received an answer and asks again, so look at the interrupts too.
  return { values, isOpen: next.length > 0 || tasks.some(({ interrupts = [] }) => interrupts.length > 0) };
}

/** Deletes the thread of a call. Passes the session on, because a SessionSaver needs it. */
export async function deleteThreadOf(graph: object, config: RunnableConfig): Promise<void> {
  const { config: bound, checkpointer } = graph as CheckpointedGraph;
  const { thread_id: id, session } = mergeConfigs(bound, config).configurable ?? {};
  await (checkpointer as ThreadDeleting).deleteThread(String(id), session);
}

/**
 * Returns the signal of the whole run, from which LangGraph derives the signal of each step. If a later version of
 * LangGraph keeps it elsewhere, returns the signal of the step.
 */
export function runSignalOf({ configurable, signal }: NodeRuntime): AbortSignal | undefined {
  const signals = configurable?.["__pregel_abort_signals"];
  const whole = isObject(signals) ? signals["externalAbortSignal"] : undefined;
  return whole instanceof AbortSignal ? whole : signal;
}

/**
 * Returns true while LangGraph listens to a run's signal. It listens during each step, but not when the run is over or
 * waits.
 */
export function isListenedTo(runSignal: AbortSignal, ownListeners: number): boolean {
  return getEventListeners(runSignal, "abort").length > ownListeners;
}

/** Returns a message that removes all messages of a state (LangGraph's `REMOVE_ALL_MESSAGES`). */
export function removalOfAll(): BaseMessage {
  return new RemoveMessage({ id: "__remove_all__" });
}

const CLASS_NAMES: ReadonlyMap<string, string> = new Map([
  ["human", "HumanMessage"],
  ["ai", "AIMessage"],
  ["system", "SystemMessage"],
  ["tool", "ToolMessage"],
]);

const FIELDS = [
  "content",
  "id",
  "name",
  "additional_kwargs",
  "response_metadata",
  "tool_calls",
  "invalid_tool_calls",
  "usage_metadata",
  "tool_call_id",
  "status",
  "artifact",
] as const;

/**
 * Returns a message in the form in which LangChain serialises it. The state accepts this form too. A stream of
 * `"messages"` passes on each message object that a step returns, as if the model were producing it, but it does not
 * pass on this form.
 */
export function unspoken(message: BaseMessage): BaseMessage {
  if (message.type === "remove") return { type: "remove", id: message.id } as BaseMessage;
  const name = CLASS_NAMES.get(message.type);
  if (name === undefined) return message;
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  const kwargs = Object.fromEntries(FIELDS.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]]])));
  return { lc: 1, type: "constructor", id: ["langchain_core", "messages", name], kwargs } as unknown as BaseMessage;
}

/**
 * Returns an update of the state's messages that a stream shows empty, if its chunks are passed on as JSON. `toJSON`
 * receives the name of the state's part in streams; a checkpointer serialises the update without the name, and so
 * whole.
 */
export function unstreamed(messages: readonly BaseMessage[]): BaseMessage[] {
  const toJSON = (name: string): readonly BaseMessage[] => (name === "messages" ? [] : [...messages]);
  return Object.defineProperty([...messages], "toJSON", { value: toJSON });
}

const UNHEARD = ["nostream", "langsmith:nostream"];

/** Returns true for the tags of a model call that streams do not show, for example one that only chooses tools. */
export function isUnheard(tags: readonly string[]): boolean {
  return UNHEARD.some((tag) => tags.includes(tag));
}

/** The options of a graph's stream, as a call passes them or as `withConfig()` binds them. */
export interface GraphOptions {
  readonly streamMode?: string | readonly string[] | undefined;
  readonly subgraphs?: boolean | undefined;
}

/** The form of a stream that the caller asked for. */
export interface AskedStream {
  readonly modes: readonly string[];
  /** True if a list names the modes. Then each chunk names its mode. */
  readonly isList: boolean;
  readonly subgraphs: boolean;
}

/**
 * Returns the form in which a graph would stream with this config. The config takes precedence over bound options, and
 * these over the graph's default.
 */
export function askedStream(graph: object, config: GraphOptions): AskedStream {
  const { streamMode, config: bound } = graph as GraphOptions & { readonly config?: GraphOptions };
  const named = config.streamMode ?? bound?.streamMode;
  return {
    modes: [named ?? streamMode ?? []].flat(),
    isList: typeof named === "object",
    subgraphs: config.subgraphs ?? bound?.subgraphs ?? false,
  };
}

/** A chunk of a graph that streams in several modes. */
export interface GraphChunk {
  readonly mode: unknown;
  readonly payload: unknown;
  /** The path of the inner graph that the chunk comes from. Empty for the graph itself. */
  readonly namespace: readonly unknown[];
}

/**
 * Returns the parts of a chunk of a stream in several modes: `[mode, payload]`, or with subgraphs `[namespace, mode,
 * payload]`.
 */
export function partsOf(chunk: readonly unknown[]): GraphChunk {
  const [payload, mode, namespace = []] = chunk.toReversed();
  return { mode, payload, namespace: namespace as readonly unknown[] };
}

/** Returns the chunk in the form that the caller asked for. */
export function asAsked(chunk: readonly unknown[], { isList, subgraphs }: AskedStream): unknown {
  if (isList) return chunk;
  const { namespace, payload } = partsOf(chunk);
  return subgraphs ? [namespace, payload] : payload;
}

/** The content of a chunk of `"messages"`: a part of a message, and the node that produced it. */
export interface SaidPart {
  readonly part: unknown;
  readonly node: unknown;
  /** Identifies the run of the node. Two runs of one node have different values. */
  readonly task: unknown;
}

/** Returns the content of a chunk of `"messages"`. */
export function saidPartOf(payload: unknown): SaidPart {
  const [part, metadata] = payload as [unknown, Fields | undefined];
  return { part, node: metadata?.["langgraph_node"], task: metadata?.["langgraph_checkpoint_ns"] };
}
