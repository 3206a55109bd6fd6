import { readdirSync, readFileSync } from "node:fs";
import {
  InvalidOptionError,
  LangChainRedisError,
  QuotaExceededError,
  SessionNotFoundError,
  StoreUnavailableError,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { problemOf, problemResponse } from "langchain-redis-sessions/http";
import { createAgent, createMiddleware, fakeModel } from "langchain";
import { expect, test } from "vitest";

test("an error of this library is known by its code", () => {
  expect(problemOf(new SessionNotFoundError("evicted"))).toEqual({
    type: "about:blank",
    title: "Login Time-out",
    status: 440,
    detail: "The session is no longer live. Start another one.",
    code: "SESSION_NOT_FOUND",
    reason: "evicted",
  });
});

test("what an error says of itself is not passed on", () => {
  const odd = Object.assign(new SessionNotFoundError(), { message: "secret", reason: "secret", retryAfter: "secret" });
  expect(JSON.stringify(problemOf(odd))).not.toContain("secret");
});

test("a limit says when to try again, where that helps", () => {
  const quota = (retryAfter?: number): Error =>
    new QuotaExceededError({ quota: "writesPerDay", usage: 1, limit: 1, retryAfter });
  expect(problemResponse(quota(0.2))?.headers.get("Retry-After")).toBe("1");
  for (const never of [undefined, Number.NaN, Infinity, -1]) {
    expect(problemResponse(quota(never))?.headers.has("Retry-After")).toBe(false);
  }
});

test("an error that an agent wrapped is found in its causes", async () => {
  const failing = createMiddleware({
    name: "failing",
    wrapModelCall: () => {
      throw new StoreUnavailableError("Redis is away.", { indeterminate: false });
    },
  });
  const agent = createAgent({ model: fakeModel(), tools: [], middleware: [failing] });
  const error: unknown = await agent.invoke({ messages: "Hi" }).catch((caught: unknown) => caught);
  expect(error).not.toBeInstanceOf(StoreUnavailableError);
  expect(problemOf(error)).toMatchObject({ status: 503, code: "STORE_UNAVAILABLE" });
});

test("a turn that was not stored is what kept it from being stored", () => {
  const notStored = (cause: Error): Error =>
    new TurnNotStoredError({ output: "x", operationId: "x", retry: expect.unreachable, cause });
  expect(problemOf(notStored(new SessionNotFoundError("ended")))).toMatchObject({ status: 440, reason: "ended" });
  expect(problemOf(notStored(new TypeError("x")))).toMatchObject({ status: 503, code: "TURN_NOT_STORED" });
  expect(problemOf(new Error("agent", { cause: notStored(new Error("x")) }))).toMatchObject({
    status: 503,
    code: "TURN_NOT_STORED",
  });
});

test("each error of the library is a problem with a status and words, or one of the named faults", () => {
  const faults = ["CORRUPT_CHECKPOINT", "CORRUPT_MESSAGE", "ENCRYPTION_KEY", "INVALID_OPTION", "VALUE_MISMATCH"];
  const folder = new URL("../../src/errors/", import.meta.url);
  const codes = readdirSync(folder).flatMap((file) =>
    [...readFileSync(new URL(file, folder), "utf8").matchAll(/readonly code = "(\w+)"/g)].map(([, code = ""]) => code),
  );
  expect(codes.length).toBeGreaterThan(20);
  class Made extends LangChainRedisError {
    override readonly code: string;
    constructor(code: string) {
      super("made");
      this.code = code;
    }
  }
  const withCode = (code: string): Error => new Made(code);
  const unnamed = codes.filter((code) => !problemOf(withCode(code))?.title || !problemOf(withCode(code))?.detail);
  expect(unnamed.toSorted()).toEqual(faults);
});

test("a fault of the program is not shown to the client", () => {
  const endless = new Error("loop");
  endless.cause = endless;
  for (const error of [
    new InvalidOptionError("ttl", "wrong"),
    new TypeError("x"),
    Object.assign(new Error("x"), { code: "toString" }),
    // A tool's own, which would sign the user out, or have the request repeated.
    Object.assign(new Error("x"), { code: "INVALID_TOKEN" }),
    Object.assign(new Error("x"), { code: "SESSION_NOT_FOUND", reason: "ended" }),
    Object.assign(new Error("x"), { code: "STORE_UNAVAILABLE", name: "StoreUnavailableError" }),
    new Error("x", { cause: Object.assign(new Error("x"), { code: "UNAUTHENTICATED" }) }),
    { code: "CONVERSATION_BUSY" },
    endless,
    undefined,
  ]) {
    expect(problemOf(error)).toBeUndefined();
    expect(problemResponse(error)).toBeUndefined();
  }
});
