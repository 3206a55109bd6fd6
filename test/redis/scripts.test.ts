import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { LangChainRedisError, SessionNotFoundError } from "langchain-redis-sessions";
import { IoredisPort } from "../../src/redis/ioredis.js";
import { flag, number, oneOf, text, texts } from "../../src/redis/script/arguments.js";
import { defineScript, nothing } from "../../src/redis/script/define.js";
import { fragment } from "../../src/redis/script/fragment.js";
import { scripts } from "./support/all-scripts.js";
import { run, write } from "../../src/redis/send.js";
import { freshId } from "../support/turns.js";

const { host, port } = inject("servers").single;
let client: Redis;
beforeAll(() => {
  client = new Redis({ host, port });
});
afterAll(() => client.quit());

describe.each(scripts.map((script) => [script.name, script] as const))("%s", (_name, { lua, sha1 }) => {
  test("compiles on a server, which knows it by the same hash", async () => {
    expect(await client.call("SCRIPT", "LOAD", lua)).toBe(sha1);
  });

  test("returns no outcome that it does not declare, and declares none that it never returns", () => {
    const declared = /^returns an outcome and its values: (.*)$/m.exec(lua)?.[1]?.split(" | ") ?? [];
    const body = lua.slice(lua.indexOf("--]]"));
    const returned = [...body.matchAll(/(?:return|and|or) \{ "([^"]+)"/g)].map(([, outcome]) => outcome);
    // What `earlier` returns of a repetition, a script may answer in another way.
    expect(returned.filter((outcome) => outcome !== "repeated" && !declared.includes(outcome ?? ""))).toEqual([]);
    // The word "evicted" is in the record of a session only.
    expect(declared.filter((outcome) => outcome !== "evicted" && !body.includes(`"${outcome}"`))).toEqual([]);
  });
});

test("each script has a name of its own", () => {
  expect(new Set(scripts.map(({ name }) => name)).size).toBe(scripts.length);
});

describe("a declaration", () => {
  const doubled = fragment(/* lua */ `
local function doubled(value)
  return value * 2
end`);
  const sample = defineScript({
    name: "sample",
    about: "returns what it is given.",
    flags: "allow-oom",
    keys: { one: "string", other: "string" },
    optionalKeys: { third: "string", fourth: "string" },
    arguments: {
      size: number("doubled"),
      loud: flag("whether"),
      kind: oneOf(["a", "b"], ""),
      word: text("any"),
      names: texts("some"),
      values: texts("others"),
    },
    effects: { done: (...values: unknown[]) => ({ values }) },
    answers: { waiting: nothing },
    refusals: ["expired", "limit"],
    uses: [doubled],
    lua: /* lua */ `
if kind == "b" then
  return { word, 3 }
end
local all = table.concat(names, "+") .. " " .. table.concat(values, "+")
return { "done", one .. " " .. other, tostring(third), tostring(fourth), doubled(size), tostring(loud), all }`,
  });
  const call = {
    keys: { one: `{k}1`, other: `{k}2` },
    arguments: { size: 21, loud: true, kind: "a", word: "", names: ["x", "y"], values: ["z"] },
  } as const;
  const connection = (): { client: IoredisPort; deadlineMilliseconds: number } => ({
    client: new IoredisPort(client),
    deadlineMilliseconds: 5_000,
  });

  test.each([3_999, 4_000, 4_001, 9_000])("gives the script two lists of %i values", async (length) => {
    const names = Array.from({ length }, (_, index) => `n${index}`);
    const values = Array.from({ length }, (_, index) => `v${index}`);
    const long = { ...call, arguments: { ...call.arguments, names, values } };
    const all = `${names.join("+")} ${values.join("+")}`;
    expect(await run(connection(), sample, long)).toMatchObject({
      values: ["{k}1 {k}2", "nil", "nil", 42, "true", all],
    });
  });

  test("gives the script its keys, arguments and lists by their names, and the caller what they became", async () => {
    const withAll = { ...call, keys: { ...call.keys, third: "{k}3", fourth: "{k}4" } };
    const empty = { ...call, arguments: { ...call.arguments, loud: false, names: [], values: [] } };
    expect(await run(connection(), sample, call)).toEqual({
      outcome: "done",
      values: ["{k}1 {k}2", "nil", "nil", 42, "true", "x+y z"],
    });
    expect(await run(connection(), sample, withAll)).toMatchObject({
      values: ["{k}1 {k}2", "{k}3", "{k}4", 42, "true", "x+y z"],
    });
    expect(await run(connection(), sample, empty)).toMatchObject({
      values: ["{k}1 {k}2", "nil", "nil", 42, "false", " "],
    });
  });

  test("refuses a call that leaves out one of the keys that belong together", async () => {
    const half = { ...call, keys: { ...call.keys, third: "{k}3" } };
    await expect(run(connection(), sample, half)).rejects.toMatchObject({ cause: { message: "TypeError" } });
  });

  test("turns a refusal into its error, with what the script said of it", async () => {
    const refusing = (word: string) =>
      run(connection(), sample, { ...call, arguments: { ...call.arguments, kind: "b", word } });
    await expect(refusing("expired")).rejects.toThrow(SessionNotFoundError);
    await expect(refusing("limit")).rejects.toMatchObject({ code: "SESSION_LIMIT", limit: 3 });
    expect(await refusing("waiting")).toEqual({ outcome: "waiting" });
  });

  test("asks the server nothing more when the script itself has refused a write", async () => {
    const refusing = defineScript({
      name: "refusing",
      about: "refuses.",
      keys: { operation: "string" },
      arguments: {},
      refusals: ["superseded"],
      uses: [],
      lua: /* lua */ `return { "superseded" }`,
    });
    const sent: string[] = [];
    const watched = new IoredisPort({
      status: client.status,
      evalsha: (sha1, count, rest) => client.evalsha(sha1, count, ...rest),
      eval: (lua, count, rest) => {
        sent.push(lua);
        return client.eval(lua, count, ...rest);
      },
      call: (name, ...rest) => client.call(name, ...rest),
      pipeline: (commands) => client.pipeline(commands),
      duplicate: () => client.duplicate(),
    });
    const work = write({ client: watched, deadlineMilliseconds: 5_000 }, refusing, {
      operationId: "o",
      keys: { operation: freshId() },
      arguments: {},
    });
    await expect(work).rejects.toThrow("A later attempt of this operation has run");
    // The server learned the script, if it did not know it.
    expect(sent.filter((lua) => lua !== refusing.lua)).toEqual([]);
  });

  test("takes an outcome that it does not know for no answer, and names the script", async () => {
    const unknown = run(connection(), sample, {
      ...call,
      arguments: { ...call.arguments, kind: "b", word: freshId() },
    });
    await expect(unknown).rejects.toThrow(LangChainRedisError);
    await expect(unknown).rejects.toThrow("Unexpected reply to the script sample");
  });

  test("knows which outcomes are effects, behind which a WAIT has to be heard", () => {
    expect(sample.tookEffect(["done", "…"])).toBe(true);
    expect(sample.tookEffect(["waiting"])).toBe(false);
    expect(sample.tookEffect(["expired"])).toBe(false);
    expect(sample.tookEffect("QUEUED")).toBe(false);
  });

  test("carries the fragments that it uses, each once", () => {
    expect(sample.lua.match(/local function doubled/g)).toHaveLength(1);
    for (const { lua, name } of scripts) {
      const locals = [...lua.matchAll(/^local function (\w+)/gm)].map(([, local]) => local);
      expect(new Set(locals).size, name).toBe(locals.length);
    }
  });
});
