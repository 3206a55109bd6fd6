import { access, constants, mkdir, mkdtemp, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import type { PlannedServer, RunningServers, ServerPlan } from "./server-plan.js";
import { isNewEnough, versionOfProgram } from "./server-version.js";
import { startSupervised, type SupervisedServer } from "./supervised-server.js";

const PROGRAMS = ["redis-server", "valkey-server"];

/** The server programs on PATH. */
interface ServerPrograms {
  /** The path of the first server program that can run the library's scripts. */
  readonly program: string | undefined;
  /** The programs before it that are too old, each with its version. */
  readonly tooOld: readonly string[];
}

/** Returns the path of the first server program on PATH that is new enough. */
export async function findServerProgram(): Promise<string | undefined> {
  return (await findServerPrograms()).program;
}

export async function findServerPrograms(): Promise<ServerPrograms> {
  const tooOld: string[] = [];
  // Windows has no POSIX shell to supervise the server, so Docker is used.
  if (process.platform === "win32") return { program: undefined, tooOld };
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)));
  for (const candidate of candidates) {
    if (!(await isProgram(candidate))) continue;
    const version = await versionOfProgram(candidate);
    if (version === undefined || isNewEnough(version)) return { program: candidate, tooOld };
    tooOld.push(`${candidate} is version ${version}`);
  }
  return { program: undefined, tooOld };
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Runs a plan as processes on this machine. The servers listen on 127.0.0.1 only. */
export async function runLocally(program: string, plan: ServerPlan): Promise<RunningServers> {
  const outcomes = await Promise.allSettled(plan.servers.map((server) => startServer(program, server, plan.dataDir)));
  const servers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  return { source: "process", host: "127.0.0.1", pids: servers.map((server) => server.pid), stop };
}

async function startServer(
  program: string,
  server: PlannedServer,
  dataDir: string | undefined,
): Promise<SupervisedServer> {
  const folder =
    dataDir === undefined ? await mkdtemp(join(tmpdir(), "langchain-redis-sessions-")) : join(dataDir, server.folder);
  await mkdir(folder, { recursive: true });
  return startSupervised({
    command: [program, ...server.arguments, "--bind", "127.0.0.1", "--dir", folder],
    temporaryFolder: dataDir === undefined ? folder : undefined,
  });
}
