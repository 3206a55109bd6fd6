// What `npm ci` asks of a lock file on every platform: npm installs nothing when an optional package is not locked, also
// one that only another platform needs.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const { packages } = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
  packages: Readonly<Record<string, Locked>>;
};

/** Returns the entry that Node would find for `name` when the package at `place` imports it. */
function found(place: string, name: string): Locked | undefined {
  const own = packages[`${place === "" ? "" : `${place}/`}node_modules/${name}`];
  if (own !== undefined || place === "") return own;
  return found(place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/"))), name);
}

test("every optional dependency of a locked package is locked, in the version that the package names", () => {
  const wanted = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies).map(([name, version]) => ({ place, name, version })),
  );
  expect(wanted.map(({ name }) => name)).toContain("@oxlint/binding-darwin-arm64");
  const missing = wanted.filter(({ place, name, version }) => {
    const locked = found(place, name);
    // Binaries are named by their exact version.
    return locked === undefined || (/^\d/.test(version) && locked.version !== version);
  });
  expect(missing).toEqual([]);
});

test("the lock file names no registry", () => {
  expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

test("npm ci accepts the lock file, also on another platform than this one", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "lock-file-"));
  try {
    for (const file of ["package.json", "package-lock.json", ".npmrc"])
      cpSync(path.join(root, file), path.join(folder, file));
    const other = process.platform === "win32" ? "darwin" : "win32";
    // Offline, with a cache of its own: what the lock file does not say, npm cannot look up.
    const words = ["ci", "--dry-run", "--offline", "--cache=cache", `--os=${other}`, "--cpu=arm64"];
    expect((await run("npm", words, { cwd: folder })).stdout).toMatch(/^added \d+ packages/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
