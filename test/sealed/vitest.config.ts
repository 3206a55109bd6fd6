import path from "node:path";
import { defineConfig } from "vitest/config";
import plain from "../vitest.config.js";

/**
 * What holds whatever is stored: contracts, promises, lost replies, and all faults, as briefly as in
 * `npm run test:programs`. Left out are tests that look at what Redis holds, that start processes of their own, and those of
 * memory, threads and items, which have variants with a ring.
 */
const include = [
  "contract.test.ts",
  "chat-history/message-log.test.ts",
  "chat-history/import-messages.test.ts",
  "sessions/{contract,export-meanwhile,export-user,import,limit,memory,migration,not-before,owners,tokens}.test.ts",
  "past/{export,fork,lost-replies,model,one-attempt,positions,replaces,rewind}.test.ts",
  "answers/{ahead-of-log,by-hand,ends,following,log,lost-replies,replaced-question,replaces,superseding,waiting}.test.ts",
  "promises/{deadline,exactly-once,isolation,replicated,typed-failures}.test.ts",
  "turns/{lease,turn-options}.test.ts",
  "faults/*.test.ts",
];

/** Left out by their names. */
const without = [
  "beyond what one command of a script can hold", // To compress as many takes longer than the deadline.
  "more than 10,000 messages or 16 MiB",
  "a page of large messages has few of them", // What is compressed has fewer bytes.
  "the control: ", // They damage scripts, and spell the commands that they send.
  "an older request that never heard", // They send again what they saw, as text.
  "a late copy of",
  "2,000 hostile ids", // They look for keys that are left.
  "500 hostile user ids",
  "200 followers of one answer", // They count, delay or refuse single commands of the plain way.
  "the time that a client takes for sending",
  "a slot that has moved is followed",
  "a batch of 2 MB that meets the limit",
  "for want of a permission",
  "in the middle of a script",
  "on a client inside MULTI",
];

const { alias } = plain.resolve ?? {};

const testNamePattern = new RegExp(`^(?!.*(?:${without.join("|")}))`);

/** The same tests once more, where everything is sealed and compressed. */
export default defineConfig({
  resolve: {
    alias: [
      ...(Array.isArray(alias) ? alias : []),
      {
        find: /^(?:\.\.\/)+encryption\/options\.js$/,
        replacement: path.join(import.meta.dirname, "options.ts"),
      },
    ],
  },
  // Not merged: an `include` would be added to the other one. Storms and failovers with sealing beside them take their time.
  test: { ...plain.test, include, env: { SEALED: "1" }, testNamePattern, testTimeout: 120_000 },
});
