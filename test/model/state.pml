/* Parts of a turn, as bits. */
#define QUESTION 1
#define STEP 2
#define PARTIAL 4
#define ANSWER 8

/* Ends of a run; 0 while it runs. */
#define NONE 0
mtype = { STORED, INTERRUPTED, STOPPED, SUPERSEDED, WAITING, FAILED };

/* Replies of the scripts. GONE: a newer superseder came, or the caller gave up; and what a follower is told after a clear. */
mtype = { OK, BUSY, LOST, ENDED, STOP, REFUSED, CONFLICT, GONE };

/* What Redis remembers of a token for two minutes, as of every write. */
#define UNKNOWN 0
#define IN_LINE 1
#define BEGUN 2
#define DEAD 3

#define MESSAGES 8
#define MISSED 7

/* ---- What is in Redis ---- */
byte lease, holder;
byte stopToken, stopReason;
byte successor;
byte answerToken, answerEnd;
byte ends[RUNS + 1];
byte events[EVENTS + 2];
byte eventCount;
byte messageToken[MESSAGES], messagePart[MESSAGES];
byte messageCount;
byte noteParts, noteAttempt, noteOperation;
bit generation;
bit live = 1;
bit storedOperation[RUNS + 1];
byte known[RUNS + 1];
byte written[RUNS + 1];
byte victim[RUNS + 1];
bit stopWritten, stopReply;

/* ---- What the callers remember ---- */
bit seenGeneration[RUNS + 1];
byte attempt[RUNS + 1];
bit finished[RUNS + 1];

/* ---- Requests that may still run ---- */
byte copies = COPIES, crashes = CRASHES, stalls = STALLS;
bit copyOfBegin[RUNS + 1], copyOfFailed[RUNS + 1], copyOfRelease[RUNS + 1];
byte copyOfLog[RUNS + 1], copyOfAppend[RUNS + 1], copiedEnd[RUNS + 1];
bit copyOfStop;
