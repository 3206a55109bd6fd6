#!/usr/bin/env node
import { runProgram } from "./program.js";

/** The exit code that a shell reports for a program that a closed pipe ended. */
const BROKEN_PIPE = 141;

// `export ada | head` closes the pipe early. The reader has gone, so end without a message.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(BROKEN_PIPE);
  throw error;
});

process.exitCode = await runProgram(process.argv.slice(2), process.env);
