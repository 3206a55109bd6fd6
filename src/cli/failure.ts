import {
  CorruptMessageError,
  EncryptionKeyError,
  InvalidOptionError,
  isLangChainRedisError,
  StoreUnavailableError,
} from "../errors.js";
import { NotDoneError, UnreachableError, UsageError } from "./errors.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { KEY_RING } from "./key-ring.js";
import { visible } from "./visible.js";

/** Writes to stderr what went wrong and what to do. Returns the exit code. */
export function tellFailure(error: unknown, environment: NodeJS.ProcessEnv): ExitCode {
  process.stderr.write(`${visible(messageOf(error))}\n`);
  if (isUnreadable(error) && environment[KEY_RING] === undefined) {
    process.stderr.write(`If it is sealed, set ${KEY_RING} to the path of the file with the key ring.\n`);
  }
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof InvalidOptionError) return EXIT.usage;
  if (error instanceof UnreachableError || error instanceof StoreUnavailableError) return EXIT.unreachable;
  return EXIT.failed;
}

function isUnreadable(error: unknown): boolean {
  return error instanceof CorruptMessageError || error instanceof EncryptionKeyError;
}

function messageOf(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\nSee langchain-redis-sessions --help`;
  if (!(error instanceof Error)) return "The command failed with a value that is not an error.";
  const isOwn = isLangChainRedisError(error) || error instanceof UnreachableError || error instanceof NotDoneError;
  // Name the class of an error of another library, because its message alone may not explain it.
  return isOwn ? error.message : `${error.name}: ${error.message}`;
}
