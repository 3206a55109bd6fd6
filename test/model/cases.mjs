// What check.mjs runs. `options` become -D options of the model.

/**
 * The protocol as it is: no property may fail.
 *
 * @type {{ name: string; options: string; fair?: true; long?: true }[]}
 */
export const models = [
  { name: "the request is repeated, with steps", options: "REPEATS STEPS CRASHES=0" },
  { name: "the request is repeated, and stopped", options: "REPEATS STOPS CRASHES=0" },
  { name: "two copies run late", options: "REPEATS COPIES=2 STALLS=0" },
  { name: "another request, and a clear", options: "CLEARS EVENTS=2 STALLS=0" },
  { name: "a superseder, and a stop", options: "SUPERSEDES STOPS STALLS=0" },
  { name: "a superseder, and a clear", options: "SUPERSEDES CLEARS CRASHES=0 STALLS=0" },
  { name: "a run that waits is resumed", options: "RESUMES" },
  { name: "the session ends", options: "REPEATS SESSION_ENDS STALLS=0" },
  { name: "two superseders", options: "RUNS=3 SUPERSEDES COPIES=0 CRASHES=0 STALLS=0" },
  { name: "a superseder, and a third request", options: "RUNS=3 SUPERSEDES_LAST COPIES=0 CRASHES=0 STALLS=0" },
  { name: "followers of a repeated request", options: "REPEATS COPIES=0", fair: true },
  { name: "followers of a superseded run", options: "SUPERSEDES COPIES=0", fair: true },
  { name: "the request is repeated after a crash", options: "REPEATS STEPS", long: true },
  { name: "two copies run late, also of steps", options: "REPEATS STEPS COPIES=2", long: true },
  { name: "the same, and a stop", options: "REPEATS STOPS EVENTS=2", long: true },
  { name: "a stop and a clear", options: "CLEARS STOPS CRASHES=0", long: true },
  { name: "a superseder, stopped, with steps", options: "SUPERSEDES STOPS STEPS", long: true },
  { name: "a resumed run, stopped, with steps", options: "RESUMES STOPS STEPS", long: true },
  { name: "two superseders, a late copy", options: "RUNS=3 SUPERSEDES CRASHES=0 STALLS=0", long: true },
  { name: "two superseders, a lapse", options: "RUNS=3 SUPERSEDES COPIES=0 CRASHES=0", long: true },
  { name: "followers, and a late copy", options: "REPEATS", fair: true, long: true },
];

const threeRuns = "RUNS=3 COPIES=0 CRASHES=0 STALLS=0";

/**
 * One protection is taken out of each: the checker has to find that this property fails.
 *
 * @type {{ name: string; property: string; options: string; fair?: true }[]}
 */
export const mutations = [
  { name: "APPEND_WITHOUT_LEASE", property: "no_mixed_turns", options: "IGNORES=fence" },
  { name: "CLEAR_DOES_NOT_FENCE", property: "no_mixed_turns", options: "CLEARS" },
  { name: "GAP_IS_OK", property: "no_acknowledged_loss", options: "EVENTS=2 CRASHES=0 STALLS=0" },
  { name: "BEGIN_REPLACES_ANY", property: "no_acknowledged_loss", options: "" },
  { name: "BEGIN_KEEPS_PARTS", property: "question_once", options: "REPEATS" },
  { name: "APPEND_FORGETS", property: "stored_once", options: "STEPS IGNORES=fence CRASHES=0 STALLS=0" },
  { name: "APPEND_FORGETS", property: "refused_is_not_stored", options: "CRASHES=0 STALLS=0" },
  { name: "LOG_WITHOUT_NUMBERS", property: "events_once", options: "CRASHES=0 STALLS=0" },
  { name: "END_APART", property: "stored_iff_done", options: "" },
  { name: "FAILED_STAYS", property: "stored_iff_done", options: "CRASHES=0 STALLS=0" },
  { name: "BEGIN_AGAIN", property: "settled_stays", options: "STOPS" },
  { name: "FAILED_OVERWRITES", property: "settled_stays", options: "" },
  { name: "LOG_MADE_ANEW", property: "settled_stays", options: "CLEARS" },
  { name: "RELEASE_WITHOUT_TOKEN", property: "one_holder", options: "" },
  { name: "APPEND_WITHOUT_LEASE", property: "fence", options: "" },
  { name: "SETTLE_DOES_NOT_FENCE", property: "fence", options: "" },
  { name: "SETTLED_RUN_RENEWS", property: "fence", options: "" },
  { name: "NO_RESERVATION", property: "newest_supersedes", options: `SUPERSEDES_LAST ${threeRuns}` },
  { name: "OVERTAKEN_STAYS_IN_LINE", property: "newest_supersedes", options: `SUPERSEDES ${threeRuns}` },
  {
    name: "RESEND_IS_FIRST_TRY",
    property: "newest_supersedes",
    options: "SUPERSEDES RUNS=3 CRASHES=0 STALLS=0",
  },
  { name: "TOKENS_FORGOTTEN", property: "leaves_nothing", options: "SUPERSEDES CRASHES=0 STALLS=0" },
  { name: "STOP_FORGETS", property: "stop_once", options: "STOPS CRASHES=0 STALLS=0" },
  { name: "STOP_WITHOUT_TOKEN", property: "stop_once", options: "STOPS" },
  { name: "STOP_DOES_NOT_SETTLE", property: "stop_heard", options: "STOPS" },
  { name: "RESEND_DROPS_STOP", property: "stop_heard", options: "STOPS CRASHES=0 STALLS=0" },
  { name: "ONE_KEY_FOR_STOP", property: "stop_heard", options: "SUPERSEDES STOPS COPIES=0 CRASHES=0" },
  { name: "READ_OF_ANY_RUN", property: "followers_end", options: "CRASHES=0 STALLS=0" },
  { name: "READ_DOES_NOT_SETTLE", property: "followers_end", options: "COPIES=0", fair: true },
];
