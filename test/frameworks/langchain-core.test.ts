// Canaries: each fails when @langchain/core changes an internal on which src/frameworks/langchain-core.ts depends.
import { describe, expect, test } from "vitest";
import { adderOf, giveId, holds, messageOf } from "../../src/frameworks/langchain-core.js";
import { modelOf, versionsOf } from "./support/versions.js";

describe.each(versionsOf("@langchain/core"))("%s", (_version, versions) => {
  const { callbacks, langgraph, messages, runnables } = versions;
  const { RunnableLambda } = runnables;
  const inner = RunnableLambda.from((value: string) => value);
  const isInner = (one: object): boolean => one === inner;

  test("a bound runnable is under bound, and those of a sequence under steps", () => {
    const other = RunnableLambda.from((value: string) => value);
    expect(holds(inner.withConfig({ tags: ["a"] }), isInner)).toBe(true);
    expect(holds(other.pipe(inner).pipe(other), isInner)).toBe(true);
    expect(holds(other.pipe(other.pipe(inner).withConfig({})), isInner)).toBe(true);
    expect(holds(other.pipe(other), isInner)).toBe(false);
  });

  test("a runnable with fallbacks has them under fallbacks, and the one in front of them under runnable", () => {
    expect(adderOf(inner.withFallbacks([RunnableLambda.from((value: string) => value)]))).toBe(inner);
    expect(adderOf(inner)).toBe(inner);
    expect(inner._concatOutputChunks("a", "b")).toBe("ab");
  });

  test("a part and a whole generation of a model have the message under message", async () => {
    const heard: (string | undefined)[] = [];
    const handler = callbacks.BaseCallbackHandler.fromMethods({
      handleLLMNewToken: (...[, , , , , fields]) => void heard.push(messageOf(fields?.chunk)?.text),
      handleLLMEnd: ({ generations }) => void heard.push(messageOf(generations[0]?.[0])?.text),
    });
    for await (const _ of await modelOf(versions, "one two").stream("Hi", { callbacks: [handler] }));
    await expect.poll(() => heard).toEqual(["one ", "two", "one two"]);
  });

  test("a checkpoint keeps the id that a message has in its lc_kwargs", async () => {
    const { serde } = new langgraph.MemorySaver();
    const message = giveId(new messages.HumanMessage("Hi"), "given");
    const loaded: unknown = await serde.loadsTyped(...(await serde.dumpsTyped(message)));
    expect(loaded).toMatchObject({ id: "given", content: "Hi" });
  });
});

describe("@langchain/core, the copy that this library imports", () => {
  test("the run that is under way has its callbacks in the config of AsyncLocalStorageProviderSingleton", async () => {
    const { RunnableLambda } = await import("@langchain/core/runnables");
    const { currentCallbacks } = await import("../../src/frameworks/langchain-core.js");
    await import("@langchain/langgraph");
    const chain = RunnableLambda.from(() => currentCallbacks() !== undefined);
    expect(await chain.invoke("Hi", { callbacks: [{ handleChainStart: () => {} }] })).toBe(true);
    expect(currentCallbacks()).toBeUndefined();
  });
});
