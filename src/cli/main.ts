#!/usr/bin/env node
import { EXIT } from "./exit-codes.js";
import { runProgram } from "./program.js";

/** The exit code that a shell reports for a program that a closed pipe ended. */
const BROKEN_PIPE = 141;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `export ada | head` closes the pipe early. The reader has gone, so end without a message.
  if (error.code === "EPIPE") process.exit(BROKEN_PIPE);
  // Such as a full disk.
  process.stderr.write(`The output could not be written and is not whole: ${error.message}\n`);
  process.exit(EXIT.failed);
});

process.exitCode = await runProgram(process.argv.slice(2), process.env);
