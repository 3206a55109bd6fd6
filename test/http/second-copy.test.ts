// A program may have this package twice: two versions in its node_modules, or a bundle beside it. Their classes differ.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { RunnableLambda } from "@langchain/core/runnables";
import {
  isLangChainRedisError,
  SessionNotFoundError,
  StoreUnavailableError,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import {
  AuthenticationUnavailableError,
  problemOf,
  problemResponse,
  sessionGuard,
} from "langchain-redis-sessions/http";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installPackage } from "../support/installed-package.js";

type Root = typeof import("langchain-redis-sessions");
type Http = typeof import("langchain-redis-sessions/http");

let installed: ReturnType<typeof installPackage>;
let other: Root & Pick<Http, "AuthenticationUnavailableError">;
beforeAll(async () => {
  installed = installPackage();
  const load = async <Module>(file: string): Promise<Module> => {
    const built = path.join(installed.folder, "node_modules/langchain-redis-sessions/dist", file);
    return (await import(pathToFileURL(built).href)) as Module;
  };
  other = { ...(await load<Root>("index.js")), ...(await load<Http>("http/index.js")) };
});
afterAll(() => installed.remove());

test("the other copy's classes are others, and its errors are known all the same", () => {
  const error = new other.SessionNotFoundError("evicted");
  expect(error).not.toBeInstanceOf(SessionNotFoundError);
  expect(isLangChainRedisError(error)).toBe(true);
  expect(problemOf(error)).toEqual(problemOf(new SessionNotFoundError("evicted")));
  expect(problemOf(new Error("agent", { cause: error }))).toMatchObject({ status: 440, reason: "evicted" });
  expect(problemResponse(new other.StorageFullError())?.status).toBe(503);
  expect(other.isLangChainRedisError(new SessionNotFoundError())).toBe(true);
});

test("what only looks like one is none, in either copy", () => {
  for (const looks of [
    Object.assign(new Error("x"), { code: "SESSION_NOT_FOUND", name: "SessionNotFoundError" }),
    { code: "SESSION_NOT_FOUND", "langchain-redis-sessions.error": true },
    undefined,
  ]) {
    expect(isLangChainRedisError(looks)).toBe(false);
    expect(other.isLangChainRedisError(looks)).toBe(false);
  }
});

test("a guard answers what the other copy's verify and authenticator throw", async () => {
  const statusWith = async (verify: () => Promise<never>, authenticate: () => { userId: string }) => {
    const guard = sessionGuard({ sessions: { verify }, authenticate, agentId: "support" });
    const { denied } = await guard(new Request("http://app.test", { headers: { "X-Session-Id": "x" } }));
    return denied?.status;
  };
  const ada = { userId: "ada" };
  expect(
    await statusWith(
      () => Promise.reject(new other.SessionMismatchError()),
      () => ada,
    ),
  ).toBe(403);
  const away = (): never => {
    throw new other.AuthenticationUnavailableError("away");
  };
  expect(new other.AuthenticationUnavailableError("away")).not.toBeInstanceOf(AuthenticationUnavailableError);
  expect(await statusWith(expect.unreachable, away)).toBe(503);
});

test("a turn that the other copy's history could not store says whether to try again", async () => {
  const causedBy = async (cause: Error): Promise<TurnNotStoredError> => {
    const history = new InMemoryChatMessageHistory();
    history.addMessages = () => Promise.reject(cause);
    const chain = new RunnableWithSession({
      runnable: RunnableLambda.from((_said: unknown) => "answer"),
      getMessageHistory: () => history,
    });
    const error: unknown = await chain
      .invoke("Hi", { configurable: { sessionId: "a" } })
      .catch((caught: unknown) => caught);
    return error instanceof TurnNotStoredError ? error : expect.unreachable();
  };
  const away = await causedBy(new other.StoreUnavailableError("away", { indeterminate: true }));
  expect(away.cause).not.toBeInstanceOf(StoreUnavailableError);
  expect(away.cause).toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(away.message).toContain("retry() stores the turn once");
  const ended = await causedBy(new other.SessionNotFoundError("ended"));
  expect(ended.message).not.toContain("retry()");
  expect(problemOf(ended)).toMatchObject({ status: 440, reason: "ended" });
});
