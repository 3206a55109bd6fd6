import { isDeepStrictEqual } from "node:util";
import type { BaseMessage } from "@langchain/core/messages";
import type { Fields } from "./json.js";

// For the fields that decode.ts passes (see survivesConstructor), a constructor of LangChain's makes a dozen
// assignments. Still, the constructors are most of the cost of a read: all message classes share one base, and V8
// repeats many property lookups for each message (docs/benchmark.md). A stencil makes the same assignments to an object
// of the same prototype.
//
// Before the first message of a class is made, its stencil is compared with the installed class on the probes below. If
// a result differs, as with a version of core that adds a property, messages are made by the constructor instead. The
// comparison misses anything that a constructor does only for values that the probes lack. The constructor did that to a
// stored message when the message was first made.

/** The property by which core recognises a message, even a message of another copy of core. */
const MESSAGE: unique symbol = Symbol.for("langchain.message") as never;

/** The properties of a message. */
type Slots = Record<
  | "lc_serializable"
  | "lc_kwargs"
  | "lc_namespace"
  | "lc_direct_tool_output"
  | "id"
  | "name"
  | "content"
  | "additional_kwargs"
  | "response_metadata"
  | "type"
  | "tool_calls"
  | "invalid_tool_calls"
  | "usage_metadata"
  | "status"
  | "tool_call_id"
  | "metadata"
  | "artifact"
  | typeof MESSAGE,
  unknown
>;

type MessageClass = new (fields: never) => BaseMessage;
type Make = (fields: unknown) => BaseMessage;

/**
 * Returns a function that creates messages of the class: by its stencil if that is faithful, otherwise by its
 * constructor. The first call compares the two, so that a program that reads no messages does not wait for that.
 */
export function makerOf(Class: MessageClass, type: keyof typeof stencils): Make {
  let make: Make | undefined;
  return (fields) => (make ??= faithfulMake(Class, type))(fields);
}

function faithfulMake(Class: MessageClass, type: keyof typeof stencils): Make {
  const construct: Make = (fields) => new Class(fields as never);
  const make = stencils[type](Class.prototype);
  return isFaithful(make, construct, Class) ? make : construct;
}

// The stencils assign in the order of the constructors. Like the constructors, they also assign to the given fields,
// which the message keeps as its `lc_kwargs`. Each stencil has its own `new` expression, which V8 optimises for one
// class.
const stencils = {
  human: (prototype: BaseMessage): Make => {
    const Human = cut(prototype, function (this: Slots, fields: Slots): void {
      assignCommon(this, fields);
      this.type = "human";
    });
    return (fields) => new Human(fields);
  },
  system: (prototype: BaseMessage): Make => {
    const System = cut(prototype, function (this: Slots, fields: Slots): void {
      assignCommon(this, fields);
      this.type = "system";
    });
    return (fields) => new System(fields);
  },
  ai: (prototype: BaseMessage): Make => {
    const AI = cut(prototype, function (this: Slots, fields: Slots): void {
      fields.tool_calls ??= [];
      fields.invalid_tool_calls ??= [];
      assignCommon(this, fields);
      this.type = "ai";
      this.tool_calls = fields.tool_calls;
      this.invalid_tool_calls = fields.invalid_tool_calls;
      this.usage_metadata = fields.usage_metadata;
    });
    return (fields) => new AI(fields);
  },
  tool: (prototype: BaseMessage): Make => {
    const Tool = cut(prototype, function (this: Slots, fields: Slots): void {
      assignCommon(this, fields);
      this.lc_direct_tool_output = true;
      this.type = "tool";
      this.status = fields.status;
      this.tool_call_id = fields.tool_call_id;
      this.metadata = fields.metadata;
      this.artifact = fields.artifact;
    });
    return (fields) => new Tool(fields);
  },
};

/** Returns a function as a constructor for the prototype. A class would not do: its `prototype` cannot be replaced. */
function cut(
  prototype: BaseMessage,
  assign: (this: Slots, fields: Slots) => void,
): new (fields: unknown) => BaseMessage {
  assign.prototype = prototype;
  return assign as never;
}

function assignCommon(message: Slots, fields: Slots): void {
  fields.additional_kwargs ??= {};
  fields.response_metadata ??= {};
  message.lc_serializable = true;
  message.lc_kwargs = fields;
  message.lc_namespace = ["langchain_core", "messages"];
  message[MESSAGE] = true;
  message.id = fields.id;
  message.name = fields.name;
  message.content = fields.content;
  message.additional_kwargs = fields.additional_kwargs;
  message.response_metadata = fields.response_metadata;
}

/** Returns new probes on each call, because a message keeps the fields that it is made from. */
function probes(): Fields[] {
  const call = { name: "tool", args: { some: 1 }, id: "call", type: "tool_call" };
  const all = {
    content: "some",
    id: "id",
    name: "name",
    additional_kwargs: { some: 1 },
    response_metadata: { some: 2, model_provider: "openai" },
    tool_calls: [call],
    invalid_tool_calls: [{ name: "tool", args: "", id: "call", type: "invalid_tool_call" }],
    usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
    status: "error",
    tool_call_id: "call",
    metadata: { some: 3 },
    artifact: { some: 4 },
    other: { some: 5 },
  };
  const blocks = [
    { type: "text", text: "some" },
    { type: "reasoning", reasoning: "some" },
    { type: "image_url", image_url: { url: "data:," } },
    { type: "image", source_type: "base64", data: "", mime_type: "image/png" },
    { type: "tool_use", id: "call", name: "tool", input: {} },
    call,
    { type: "tool_call", name: "tool", args: {}, id: null },
  ];
  return [
    { content: "" },
    { content: "", tool_call_id: "" },
    { content: "", tool_call_id: null },
    all,
    { ...all, content: blocks, additional_kwargs: { tool_calls: [call] } },
    { ...all, content: [], id: null, name: null, usage_metadata: null, status: null, artifact: null, tool_calls: [] },
  ];
}

function isFaithful(make: Make, construct: Make, Class: MessageClass): boolean {
  if (hasPrivateParts(Class)) return false;
  try {
    const [made, constructed] = [make, construct].map((way) => probes().map((probe) => visible(way(probe))));
    return isDeepStrictEqual(made, constructed);
  } catch {
    // A constructor that refuses a probe does more than its stencil.
    return false;
  }
}

/**
 * Returns everything that a program can observe of a message, and for each property whether its value is the given one
 * itself or a copy.
 */
function visible(message: BaseMessage): unknown {
  return {
    prototype: Object.getPrototypeOf(message) as unknown,
    properties: Object.getOwnPropertyDescriptors(message),
    inOrder: Object.entries(message).map(([name, value]) => [name, value === message.lc_kwargs[name]]),
    isExtensible: Object.isExtensible(message),
  };
}

/**
 * Returns `true` if the class or one of its bases has private fields or methods, which no stencil can observe or
 * assign. Looks for `#` in the source, so it misses private members that were compiled away.
 */
function hasPrivateParts(Class: MessageClass): boolean {
  for (let part: unknown = Class; typeof part === "function"; part = Object.getPrototypeOf(part)) {
    if (Function.prototype.toString.call(part).includes("#")) return true;
  }
  return false;
}
