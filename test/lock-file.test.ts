// What `npm ci` asks of a lock file on every platform: npm installs nothing when an optional package is not locked, also
// one that only another platform needs.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
type Packages = Readonly<Record<string, Locked>>;
const folders = [
  root,
  path.join(root, "site"),
  ...readdirSync(import.meta.dirname).map((name) => path.join(import.meta.dirname, name)),
];
const locked = folders
  .map((folder) => path.join(folder, "package-lock.json"))
  .filter((file) => existsSync(file))
  .map((file) => {
    const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Packages };
    return { file: path.relative(root, file), packages };
  });

/** Returns the entry that Node would find for `name` when the package at `place` imports it. */
function found(packages: Packages, place: string, name: string): Locked | undefined {
  const own = packages[`${place === "" ? "" : `${place}/`}node_modules/${name}`];
  if (own !== undefined || place === "") return own;
  return found(packages, place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/"))), name);
}

test.each(locked)(
  "every optional dependency of a package in $file is locked, as the package names it",
  ({ packages }) => {
    const wanted = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.entries(optionalDependencies).map(([name, version]) => ({ place, name, version })),
    );
    const missing = wanted.filter(({ place, name, version }) => {
      const entry = found(packages, place, name);
      // Binaries are named by their exact version.
      return entry === undefined || (/^\d/.test(version) && entry.version !== version);
    });
    expect(missing).toEqual([]);
  },
);

test("packages name binaries of other platforms", () => {
  const names = locked.flatMap(({ packages }) => Object.values(packages).map((one) => one.optionalDependencies ?? {}));
  expect(names.flatMap((one) => Object.keys(one)).some((name) => name.includes("win32"))).toBe(true);
});

test.each(locked)("$file names no registry", ({ packages }) => {
  expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

test.each(locked)("npm ci accepts $file, also on another platform than this one", async ({ file }) => {
  const from = path.dirname(path.join(root, file));
  const folder = mkdtempSync(path.join(tmpdir(), "lock-file-"));
  try {
    for (const name of ["package.json", "package-lock.json", ".npmrc"])
      cpSync(path.join(from, name), path.join(folder, name));
    const other = process.platform === "win32" ? "darwin" : "win32";
    // Offline, with a cache of its own: what the lock file does not say, npm cannot look up.
    const words = [
      "ci",
      "--dry-run",
      "--offline",
      "--cache=cache",
      "--loglevel=notice",
      `--os=${other}`,
      "--cpu=arm64",
    ];
    expect((await run("npm", words, { cwd: folder })).stdout).toMatch(/^(?:added \d+ packages|up to date)/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
