// docs/command-line.md: its table of commands and its screens are what the program says; UPDATE_DOCS=1 writes them.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { connect, type ExportedConversation, SessionStore } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { commands } from "../../src/cli/commands.js";
import { EXIT } from "../../src/cli/exit-codes.js";
import { usageOf } from "../../src/cli/help.js";
import { commonOptions, spelled } from "../../src/cli/options.js";
import { idFrom } from "../../src/options/ids.js";
import { cli, type Ran } from "./support/program.js";

/** A conversation with the same id each time. */
const trip = idFrom("conversation", "docs/command-line.md");
const file = path.join(import.meta.dirname, "../../docs/command-line.md");

/** What stands in the page behind a marker, to the next paragraph. */
const behind = (marker: string): RegExp =>
  new RegExp(`(<!-- ${marker} -->\\n\\n)((?:\`\`\`text\\n[^]*?\\n\`\`\`|\\|[^]*?\\|)\\n\\n)?`);

/** Returns what the page has behind a marker. With UPDATE_DOCS=1, this is written there first. */
function part(marker: string, made: string): string {
  const page = readFileSync(file, "utf8");
  if (process.env["UPDATE_DOCS"]) {
    writeFileSync(
      file,
      page.replace(behind(marker), (_, start: string) => `${start}${made}\n\n`),
    );
    return made;
  }
  return behind(marker).exec(page)?.[2]?.trimEnd() ?? "";
}

/** A screen: what was typed, and what came. */
function screen(typed: readonly string[], { out }: Ran): string {
  return `\`\`\`text\n$ npx langchain-redis-sessions ${typed.join(" ")}\n${out.trimEnd()}\n\`\`\``;
}

test("the page has every command, with the options that are its own", () => {
  const rows = commands.map((command) => {
    const options = command.options.map((name) => `\`${spelled(name)}\``).join(", ");
    return `| \`${usageOf(command)}\` | ${command.about} | ${options} |`;
  });
  const everywhere = commonOptions.map((name) => `\`${spelled(name)}\``).join(", ");
  const table = [
    "| Command | What it does | Options |",
    "|---|---|---|",
    ...rows,
    `| every command | | ${everywhere} |`,
  ].join("\n");
  expect(part("commands", table)).toBe(table);
});

test("the page has every exit code", () => {
  const page = readFileSync(file, "utf8");
  for (const code of Object.values(EXIT)) expect(page).toContain(`\n| ${code} | `);
});

test("the screens of the page are what the program prints", async () => {
  await using redis = await startRedis({ args: ["--databases", "4"] });
  const client = connect(redis.url);
  const sessions = new SessionStore({ client });
  const said = (type: string, data: object, at: string): ExportedConversation["messages"][number] => ({
    type,
    data: { content: "", ...data },
    at: `2026-11-29T09:00:${at}.000Z`,
  });
  await sessions.conversations.import(
    { userId: "ada" },
    {
      format: "langchain-redis-sessions/conversation/1",
      id: trip,
      agentId: "support",
      createdAt: "2026-11-29T09:00:00.000Z",
      lastActivityAt: "2026-11-29T09:00:05.000Z",
      messages: [
        said("human", { content: "Where should I go in June?" }, "00"),
        said("ai", { tool_calls: [{ id: "1", name: "weather", args: { month: "June" } }] }, "02"),
        said("tool", { content: "Rome: 28 degrees", tool_call_id: "1" }, "03"),
        said("ai", { content: "To Rome.\nIt will be warm." }, "05"),
      ],
    },
  );
  await client.quit();
  const run = (args: readonly string[]): Promise<Ran> => cli(args, { REDIS_URL: redis.url });
  const [doctor, plain, texts] = await Promise.all([
    run(["doctor"]),
    run(["show", "ada", trip]),
    run(["show", "ada", trip, "--texts"]),
  ]);
  // Of another version, on another machine.
  const out = doctor.out
    .replace(/(?:Redis|Valkey) \d\S*/, "Redis 7.0.15")
    .replace(/\d+\.\d MiB/, "1.4 MiB")
    .replace(/^\w+ +latency .*\n(?: +.*\n)?/m, "ok       latency      median 0.1 ms, 99 % 0.3 ms, longest 0.9 ms\n");
  const checked = screen(["doctor"], { ...doctor, out });
  expect(part("doctor", checked)).toBe(checked);
  const both = `${screen(["show", "ada", trip], plain).slice(0, -4)}\n${screen(["show", "ada", trip, "--texts"], texts).slice(8)}`;
  expect(part("show", both)).toBe(both);
});
