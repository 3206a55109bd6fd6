import { parseArguments } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { tellFailure } from "./failure.js";
import { helpText } from "./help.js";
import { openKeyRing } from "./key-ring.js";
import { Output } from "./output.js";
import { openRedis, urlOf } from "./redis.js";

/** Runs one command line and returns its exit code. Never throws. */
export async function runProgram(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  try {
    const { command, operands, options } = parseArguments(args);
    const output = new Output(options.json === true ? "json" : "text");
    if (options.help === true || command === undefined) {
      await output.write(helpText(command));
      return EXIT.done;
    }
    const address = urlOf(options.url, environment);
    await using keyRing = await openKeyRing(environment);
    await using redis = await openRedis(address);
    return await command.run({ operands, options, redis, keyRing: keyRing.ring, output });
  } catch (error) {
    return tellFailure(error, environment);
  }
}
