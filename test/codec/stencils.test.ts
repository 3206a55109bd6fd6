import * as installed from "@langchain/core/messages";
import fc from "fast-check";
import * as oldest from "langchain-core-oldest/messages";
import { describe, expect, test, vi } from "vitest";
import { makerOf } from "../../src/codec/stencils.js";

const cores = { "the core that is installed": installed, "the oldest core that is allowed": oldest as never };
const classes = Object.entries<Pick<typeof installed, `${"Human" | "System" | "AI" | "Tool"}Message`>>(cores).flatMap(
  ([core, { HumanMessage, SystemMessage, AIMessage, ToolMessage }]) =>
    [
      [core, "human", HumanMessage],
      [core, "system", SystemMessage],
      [core, "ai", AIMessage],
      [core, "tool", ToolMessage],
    ] as const,
);

describe.each(classes)("of %s a message of type %s", (_core, type, Class) => {
  test("is made without its constructor", () => {
    const constructed = vi.fn<() => void>();
    const Watched = class extends (Class as typeof installed.HumanMessage) {
      constructor(fields: never) {
        super(fields);
        constructed();
      }
    };
    const make = makerOf(Watched, type);
    // The first call compares the stencil with the constructor.
    make({ content: "Hi", tool_call_id: "call" });
    constructed.mockClear();
    const message = make({ content: "Hi", tool_call_id: "call" });
    expect(constructed).not.toHaveBeenCalled();
    expect(message).toBeInstanceOf(Watched);
    expect(message.text).toBe("Hi");
  });

  test("is in all that can be seen what the constructor makes", () => {
    const make = makerOf(Class, type);
    fc.assert(
      fc.property(anyFields, (fields) => {
        const message = make(structuredClone(fields));
        const expected = new Class(structuredClone(fields) as never);
        expect(message).toStrictEqual(expected);
        expect(Reflect.ownKeys(message)).toEqual(Reflect.ownKeys(expected));
        expect(JSON.stringify(message.toDict())).toBe(JSON.stringify(expected.toDict()));
        expect(JSON.stringify(message)).toBe(JSON.stringify(expected));
        expect(message.lc_id).toEqual(expected.lc_id);
        expect(message.contentBlocks).toEqual(expected.contentBlocks);
        expect(message.getType()).toBe(expected.getType());
        expect(Class.isInstance(message)).toBe(true);
        // What is changed on it later is what `toDict()` gives.
        for (const one of [message, expected]) one.additional_kwargs["later"] = true;
        expect(message.lc_kwargs).toEqual(expected.lc_kwargs);
      }),
    );
  });
});

const call = fc.record({
  name: fc.string(),
  args: fc.dictionary(fc.string(), fc.jsonValue()),
  id: fc.option(fc.string()),
  type: fc.constant("tool_call"),
});
const object = fc.dictionary(
  fc.string().filter((name) => name !== "__proto__"),
  fc.jsonValue(),
);
const block = fc.oneof(
  fc.record({ type: fc.constant("text"), text: fc.string() }),
  fc.record({ type: fc.constant("image_url"), image_url: fc.record({ url: fc.string() }) }),
  fc.record({ type: fc.constant("reasoning"), reasoning: fc.string() }),
  fc.record({ type: fc.constant("tool_use"), id: fc.string(), name: fc.string(), input: object }),
);
const anyFields = fc.record(
  {
    content: fc.oneof(fc.string(), fc.array(block)),
    tool_call_id: fc.option(fc.string()),
    id: fc.option(fc.string()),
    name: fc.option(fc.string()),
    additional_kwargs: object,
    response_metadata: fc.oneof(object, fc.record({ model_provider: fc.constantFrom("openai", "anthropic", "x") })),
    tool_calls: fc.array(call),
    invalid_tool_calls: fc.array(call),
    usage_metadata: fc.option(object),
    status: fc.option(fc.constantFrom("success", "error")),
    artifact: fc.jsonValue(),
    metadata: fc.option(object),
    example: fc.boolean(),
  },
  { requiredKeys: ["content"] },
);

describe("where a class makes something else, its constructor is used:", () => {
  const Human = installed.HumanMessage as unknown as new (fields: never) => installed.HumanMessage;

  test("a field more", () => {
    class Extended extends Human {
      extra = "extra";
    }
    expect(makerOf(Extended, "human")({ content: "Hi" })).toHaveProperty("extra", "extra");
  });

  test("a private field", () => {
    class Secretive extends Human {
      readonly #secret = "secret";
      tell(): string {
        return this.#secret;
      }
    }
    const message = makerOf(Secretive, "human")({ content: "Hi" }) as Secretive;
    expect(message.tell()).toBe("secret");
  });

  test("another value", () => {
    class Renamed extends Human {
      override lc_namespace = ["another", "place"];
    }
    expect(makerOf(Renamed, "human")({ content: "Hi" }).lc_namespace).toEqual(["another", "place"]);
  });

  test("a copy in the place of what it was given", () => {
    class Careful extends Human {
      constructor(fields: never) {
        super(fields);
        this.response_metadata = { ...this.response_metadata };
      }
    }
    const fields = { content: "Hi", response_metadata: { some: 1 } };
    expect(makerOf(Careful, "human")(fields).response_metadata).not.toBe(fields.response_metadata);
  });

  test("an order of its own", () => {
    class Ordered extends Human {
      constructor(fields: never) {
        super(fields);
        const { id } = this;
        Reflect.deleteProperty(this, "id");
        this.id = id as never;
      }
    }
    expect(Object.keys(makerOf(Ordered, "human")({ content: "Hi" })).at(-1)).toBe("id");
  });

  test("a property that cannot be set", () => {
    class Constant extends Human {
      constructor(fields: never) {
        super(fields);
        Object.defineProperty(this, "content", { writable: false });
      }
    }
    const make = makerOf(Constant, "human");
    expect(() => Object.assign(make({ content: "Hi" }), { content: "Ho" })).toThrow(TypeError);
  });

  test("a refusal", () => {
    class Strict extends Human {
      constructor(fields: { content: unknown }) {
        if (Array.isArray(fields.content)) throw new TypeError("text only");
        super(fields as never);
      }
    }
    const make = makerOf(Strict, "human");
    expect(make({ content: "Hi" }).text).toBe("Hi");
    expect(() => make({ content: [] })).toThrow("text only");
  });

  test("another way with one kind of content", () => {
    class Translating extends Human {
      constructor(fields: { content: unknown }) {
        const { content } = fields;
        super(
          (Array.isArray(content) ? { content: content.filter(({ type }) => type !== "image_url") } : fields) as never,
        );
      }
    }
    const image = { type: "image_url", image_url: { url: "data:," } };
    expect(makerOf(Translating, "human")({ content: [image] }).content).toEqual([]);
  });

  test("an object that takes no more", () => {
    class Closed extends Human {
      constructor(fields: never) {
        super(fields);
        Object.preventExtensions(this);
      }
    }
    expect(makerOf(Closed, "human")({ content: "Hi" })).not.toSatisfy(Object.isExtensible);
  });

  test("another prototype", () => {
    class Disguised extends Human {
      constructor(fields: never) {
        super(fields);
        Object.setPrototypeOf(this, installed.HumanMessage.prototype);
      }
    }
    expect(Object.getPrototypeOf(makerOf(Disguised, "human")({ content: "Hi" }))).toBe(
      installed.HumanMessage.prototype,
    );
  });
});
