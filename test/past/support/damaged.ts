import { beginAnswerScript } from "../../../src/redis/scripts/answer/begin.js";
import { currentAnswerScript } from "../../../src/redis/scripts/answer/current.js";
import { logAnswerScript } from "../../../src/redis/scripts/answer/log.js";
import { readAnswerScript } from "../../../src/redis/scripts/answer/read.js";
import { stopAnswerScript } from "../../../src/redis/scripts/answer/stop.js";
import { acquireLeaseScript } from "../../../src/redis/scripts/lease/acquire.js";
import { releaseLeaseScript } from "../../../src/redis/scripts/lease/release.js";
import { renewLeaseScript } from "../../../src/redis/scripts/lease/renew.js";
import { appendToConversationScript } from "../../../src/redis/scripts/conversation/append.js";
import { forkConversationScript } from "../../../src/redis/scripts/conversation/fork.js";
import { importConversationScript } from "../../../src/redis/scripts/conversation/import.js";
import { removeConversationScript } from "../../../src/redis/scripts/conversation/remove.js";
import { rewindConversationScript } from "../../../src/redis/scripts/conversation/rewind.js";
import { appendScript } from "../../../src/redis/scripts/history/append.js";
import type { Client } from "../../support/topologies.js";

const scripts = [
  appendToConversationScript,
  rewindConversationScript,
  forkConversationScript,
  importConversationScript,
  appendScript,
  beginAnswerScript,
  logAnswerScript,
  readAnswerScript,
  currentAnswerScript,
  stopAnswerScript,
  removeConversationScript,
  acquireLeaseScript,
  releaseLeaseScript,
  renewLeaseScript,
];

/**
 * Returns a client that runs the scripts with a fault: `code` is replaced.
 *
 * @throws Error when no script has that code.
 */
export function damaged(client: Client, code: string, replacement: string): Client {
  const texts = new Map(
    scripts
      .filter(({ lua }) => lua.includes(code))
      .map(({ sha1, lua }) => [sha1, lua.replaceAll(code, () => replacement)]),
  );
  if (texts.size === 0) throw new Error(`no script has this code: ${code}`);
  return new Proxy(client, {
    get: (target, name) => {
      if (name === "evalsha") {
        return (sha1: string, numberOfKeys: number, rest: (string | Buffer)[]) => {
          const text = texts.get(sha1);
          return text === undefined
            ? target.evalsha(sha1, numberOfKeys, rest)
            : target.eval(text, numberOfKeys, ...rest);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
