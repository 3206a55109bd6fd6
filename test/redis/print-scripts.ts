// Prints the scripts as the server runs them, for a reader: all of them, or those whose names begin as the argument says.
// With --lint it hands them to luacheck instead.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { scripts } from "./support/all-scripts.js";

/** What Redis gives a script beside Lua 5.1. An unused local, an unknown name or a shadowed one is an error. */
const luacheckOptions: readonly string[] = [
  "--std",
  "lua51",
  "--read-globals",
  "redis",
  "KEYS",
  "ARGV",
  "cmsgpack",
  "--no-max-line-length",
  "--",
];

const [argument = ""] = process.argv.slice(2);
if (argument === "--lint") {
  const folder = mkdtempSync(path.join(tmpdir(), "scripts-"));
  try {
    for (const { name, lua } of scripts) writeFileSync(path.join(folder, `${name}.lua`), lua);
    execFileSync("luacheck", [...luacheckOptions, folder], { stdio: "inherit" });
  } catch {
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  const chosen = scripts.filter(({ name }) => name.startsWith(argument));
  for (const { name, lua, sha1 } of chosen) console.log(`-- ${name}  ${sha1}\n${lua}`);
  if (chosen.length === 0) {
    console.error(
      `No script's name begins with ${argument}. There are:\n${scripts.map(({ name }) => name).join("\n")}`,
    );
    process.exitCode = 1;
  }
}
