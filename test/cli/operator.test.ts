// The ACL line that docs/redis.md adds for an operator: each word of it is needed, and with it every command works.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { grants, operatorGrants } from "../support/acl.js";
import { closingIn } from "../support/closing.js";
import { turn } from "../support/turns.js";
import { cli, objects, type Ran } from "./support/program.js";

const { closing, keep } = closingIn(afterAll);
let redis: RunningRedis;
let admin: Redis;
let conversationId = "";
beforeAll(async () => {
  redis = await startRedis({ args: ["--databases", "4"] });
  closing.push(() => redis.stop());
  admin = keep(new Redis(redis.url));
  const sessions = new SessionStore({ client: admin });
  const { session } = await sessions.create({ userId: "ada", agentId: "support" });
  await sessions.history(session).addMessages(turn("Hi"));
  ({ conversationId } = session);
});

/** Runs a command as an operator, without some of the rights. */
async function asOperator(args: readonly string[], ...without: readonly string[]): Promise<Ran> {
  const user = `operator${without.join("")}`.replaceAll(/\W/g, "");
  await admin.acl("SETUSER", user, "reset", "on", ">pw", ...grants, ...operatorGrants, ...without);
  return cli([...args, "--json"], { REDIS_URL: redis.url.replace("//", `//${user}:pw@`) });
}

test("an operator with these rights can do everything, and doctor may read every setting", async () => {
  const done = [["users"], ["stats"], ["sessions", "ada"], ["conversations", "ada"], ["show", "ada", conversationId]];
  const ran = await Promise.all([...done, ["export", "ada"]].map((args) => asOperator(args)));
  expect(ran.map(({ code, err }) => [code, err])).toEqual(ran.map(() => [0, ""]));
  expect((await asOperator(["doctor"])).out).not.toMatch(/"unknown"|refused/);
  for (const args of [
    ["end", "ada", "--yes"],
    ["end-everybody", "--yes"],
    ["erase", "ada", "--yes"],
  ]) {
    expect(await asOperator(args)).toMatchObject({ code: 0, err: "" });
  }
});

test("an operator needs each of these rights", async () => {
  expect(operatorGrants).toEqual(["+scan", "+memory|usage", "+config|get"]);
  const [scan, memory, config] = await Promise.all([
    asOperator(["users"], "-scan"),
    asOperator(["stats"], "-memory|usage"),
    asOperator(["doctor"], "-config|get"),
  ]);
  expect(scan.code).toBe(3);
  expect(objects(memory).filter((row) => "bytes" in (row as object))).toEqual([]);
  expect(config.out).toContain("CONFIG is refused");
});
