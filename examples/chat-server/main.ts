// A chat service on langchain-redis-sessions: `npm start`. README.md beside this file tells what it does and how to fork it.
import { RedisUnavailableError } from "langchain-redis-sessions/testing";
import { style } from "../print.js";
import { type Config, ConfigError, readConfig } from "./config.js";
import { isLoopback } from "./hosts.js";
import { demoUsers } from "./demo-users.js";
import { jsonLog } from "./log.js";
import { FolderTakenError } from "./redis.js";
import { type RunningService, startService } from "./service.js";

const log = jsonLog();
try {
  const config = readConfig(process.env);
  const service = await startService(config, log);
  introduce(service, config);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void service.stop());
} catch (error) {
  const advice = adviceFor(error);
  if (advice === undefined) throw error;
  process.stderr.write(`\n${advice}\n\n`);
  process.exitCode = 1;
}

function introduce({ url, redis, redisFailure }: RunningService, { HOST, PUBLIC_HOSTS, OIDC_ISSUER }: Config): void {
  const model = process.env["OPENAI_API_KEY"] ? "OpenAI" : "an offline stand-in; set OPENAI_API_KEY for a real one";
  const names = demoUsers.map(({ name }) => name).join(" or ");
  console.log(`\n${style("bold", "langchain-redis-sessions: a chat service")}\n`);
  console.log(`  Open     ${style("cyan", url)}`);
  console.log(`  Sign in  ${OIDC_ISSUER ? `with ${OIDC_ISSUER.href}` : `as ${names}: a demo, no password`}`);
  console.log(`  Redis    ${redis}`);
  if (redisFailure !== undefined) {
    console.log(
      `           NOT REACHABLE (${redisFailure}). Is it running, and is REDIS_URL right? It is tried again and`,
    );
    console.log("           again; until it answers nobody can sign in, and requests are refused with a 503.");
  }
  console.log(`  Model    ${model}`);
  console.log(`  Stop     Ctrl-C; answers are finished first, and everything is there again at the next start\n`);
  if (!isLoopback(HOST)) {
    if (!OIDC_ISSUER) {
      console.log(`  Whoever reaches ${HOST} can sign in as anyone. Set OIDC_ISSUER to your identity provider.\n`);
    }
    if (PUBLIC_HOSTS === undefined)
      console.log("  Set PUBLIC_HOSTS to the names that it goes by; now it is any name.\n");
  }
  console.log(style("dim", "  Requests are noted below, a line of JSON each, on stderr.\n"));
}

/** For what whoever starts the server can mend. */
function adviceFor(error: unknown): string | undefined {
  if (error instanceof ConfigError) return `These settings cannot be used:\n\n${error.message.replaceAll(/^/gm, "  ")}`;
  if (error instanceof FolderTakenError || error instanceof RedisUnavailableError) return error.message;
  const { code, port, address } = error as { code?: unknown; port?: unknown; address?: unknown };
  if (code === "EADDRINUSE") return `Port ${String(port)} is taken. Choose another: PORT=${Number(port) + 1} npm start`;
  if (code === "EACCES") return `Port ${String(port)} needs more rights. Choose one above 1023: PORT=3000 npm start`;
  if (code === "EADDRNOTAVAIL") return `HOST: this machine has no address ${String(address)}.`;
  return undefined;
}
