// Makes a fresh checkout ready for `npm test` and `npm run quickstart`: the packages, and a Redis of some kind; for
// `npm run test:browser`, a Chromium too; for `npm run test:how-to`, PostgreSQL as well; for `npm run lint:scripts`, luacheck
// instead; for `npm run test:model`, Spin; for `npm run docs`, only the packages that make the site.
// Plain JavaScript on Node's own modules, because it runs before anything is installed.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const browser = process.argv.includes("--browser");
const site = process.argv.includes("--site");
/** The tests start servers of their own: a Cluster, one that runs out of memory. A REDIS_URL is not enough for them. */
const ownServers = (browser && !site) || process.argv.includes("--own-servers");

installPackages(root);
// Some tests hold their conversations through the providers of models, some through the AI SDK, and some ask the oldest
// versions that are allowed.
if (ownServers)
  for (const folder of ["test/providers", "test/ai-sdk", "test/oldest"]) installPackages(path.join(root, folder));
if (process.argv.includes("--large")) installPackages(path.join(root, "test/large"));
if (process.argv.includes("--runtimes")) installPackages(path.join(root, "test/runtimes"));
if (process.argv.includes("--savers")) installPackages(path.join(root, "test/savers"));
if (site) installPackages(path.join(root, "site"));
if (process.argv.includes("--how-to")) installPackages(path.join(root, "test/how-to"));
if (process.argv.includes("--luacheck")) provideLuacheck();
else if (process.argv.includes("--model")) provideSpin();
else if (!site) provideRedis();
if (ownServers) providePython();
if (browser) provideChromium();
if (process.argv.includes("--how-to")) providePostgres();

/** Installs the packages that the lock file of a folder names, unless they are there. */
function installPackages(folder) {
  if (packagesInstalled(folder)) return;
  const of = folder === root ? "" : ` of ${path.relative(root, folder)}`;
  say(`Installing the packages${of} (npm ci). This happens once and takes about a minute.`);
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
}

/** Whether what npm noted in node_modules has every package of the lock file, in that version. */
function packagesInstalled(folder) {
  try {
    const [wanted, there] = ["package-lock.json", "node_modules/.package-lock.json"].map(
      (file) => JSON.parse(readFileSync(path.join(folder, file), "utf8")).packages,
    );
    return Object.entries(wanted).every(
      // "": the project itself. In the lock file only: binaries of other platforms, and peers, where npm leaves them out.
      ([place, { version, optional, peer }]) => place === "" || optional || peer || there[place]?.version === version,
    );
  } catch {
    return false;
  }
}

function provideRedis() {
  if (process.env.REDIS_URL && !ownServers) return;
  if (runsScripts("redis-server") || runsScripts("valkey-server") || works("docker", "info")) return;
  stopAtOldRedis();
  install("redis-server", {
    what: "Redis",
    mac: "brew install redis",
    other: "sudo dnf install -y valkey || sudo apk add valkey || sudo pacman -S valkey",
    instead: `Or start Docker: Redis then runs in a container.${
      ownServers ? "" : " Or name a Redis that runs already: REDIS_URL=redis://127.0.0.1:6379"
    }`,
  });
  stopAtOldRedis();
}

/** The distribution has no newer one, or it would be there by now. */
function stopAtOldRedis() {
  const version = versionOf("redis-server");
  if (version === undefined || isNewEnough(version)) return;
  const elsewhere = ownServers ? "" : ", or set REDIS_URL to one that runs elsewhere";
  say(`The redis-server here is version ${version}, and 7.0 or later is needed. Start Docker, install a newer Redis or
Valkey from its own packages${elsewhere}; then run the command again.`);
  process.exit(1);
}

/** For the chat service's client, which has a Python of its own to be tested with. */
function providePython() {
  if (works("python3", "--version")) return;
  install("python3", { what: "Python", mac: "brew install python", other: "sudo dnf install -y python3" });
}

function provideChromium() {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  if (process.env.CHROMIUM_PATH || names.some((name) => works(name, "--version"))) return;
  install("chromium", {
    what: "Chromium",
    mac: "brew install --cask chromium, and set CHROMIUM_PATH to the program in it",
    other: "sudo dnf install -y chromium || sudo apk add chromium || sudo pacman -S chromium",
  });
}

function provideLuacheck() {
  if (works("luacheck", "--version")) return;
  install("lua-check", { what: "luacheck", mac: "brew install luacheck", other: "sudo luarocks install luacheck" });
}

/** The server's programs are enough: the tests start one of their own. */
function providePostgres() {
  const onDebian = "/usr/lib/postgresql";
  if (works("postgres", "--version") || (existsSync(onDebian) && readdirSync(onDebian).length > 0)) return;
  install("postgresql", {
    what: "PostgreSQL",
    mac: "brew install postgresql",
    other: "sudo dnf install -y postgresql-server || sudo apk add postgresql || sudo pacman -S postgresql",
  });
}

/** Spin writes a program in C, which has to be compiled. */
function provideSpin() {
  if (works("spin", "-V") && works("gcc", "--version")) return;
  install("spin gcc libc6-dev", {
    what: "Spin or C compiler",
    mac: "brew install spin gcc",
    other: "sudo dnf install -y spin gcc",
  });
}

/** A program that does not tell its version is taken. */
function runsScripts(program) {
  const version = versionOf(program);
  return version === undefined ? works(program, "--version") : isNewEnough(version);
}

/** The library's scripts need 7.0. */
function isNewEnough(version) {
  return Number.parseInt(version, 10) >= 7;
}

function versionOf(program) {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return /\bv=(\d\S*)/.exec(stdout ?? "")?.[1];
}

/** The distribution's packages where that can be done without a question; elsewhere, what to type. */
function install(names, { what, mac, other, instead = "" }) {
  const debian = works("apt-get", "--version");
  if (debian && process.getuid?.() === 0) {
    say(`No ${what} here: installing the distribution's ${names} (apt-get install ${names}).`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    run("apt-get", ["update", "-qq"], { env });
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...names.split(" ")], { env });
    return;
  }
  const command = debian ? `sudo apt-get install -y ${names}` : process.platform === "darwin" ? mac : other;
  say(`No ${what} was found. Type this, then run the command again:\n\n    ${command}\n\n${instead}`);
  process.exit(1);
}

function works(command, ...words) {
  return spawnSync(command, words, { stdio: "ignore", timeout: 10_000 }).status === 0;
}

function run(command, words, options) {
  // Windows' npm is a script, which only a shell runs.
  const shell = process.platform === "win32";
  try {
    execFileSync(command, words, { stdio: ["ignore", "ignore", "inherit"], shell, ...options });
  } catch {
    say(`This failed: ${command} ${words.join(" ")}`);
    process.exit(1);
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
