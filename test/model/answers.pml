/*
 * The protocol of an answer in flight: docs/protocol.md explains it, check.mjs checks it.
 *
 * One conversation. A script of Redis is an inline that ends in a d_step: nothing comes between. A process may stop before
 * each of its scripts for good (a crash). A request may have a copy that runs later, or never: a copy that runs before the
 * request is a lost reply, because the request is then the resend. Tokens of runs are 1 to RUNS.
 *
 * A run is compiled with -D options: what the other runs do (below), how much may go wrong (COPIES, CRASHES, STALLS), and
 * MUTATION_…, which takes one protection out.
 */

#ifndef RUNS
#define RUNS 2
#endif
#ifndef EVENTS
#define EVENTS 1
#endif
#ifndef COPIES
#define COPIES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef STALLS
#define STALLS 1
#endif

/* What a run is a request for. The first run asks question 1. */
#if defined(REPEATS)
#define OPERATION(t) 1
#else
#define OPERATION(t) t
#endif
#if defined(RESUMES)
#undef OPERATION
#define OPERATION(t) 1
#define ASKS(t) (t == 1)
#else
#define ASKS(t) true
#endif
#if defined(SUPERSEDES)
#define SUPERSEDER(t) (t != 1)
#elif defined(SUPERSEDES_LAST)
#define SUPERSEDER(t) (t == 2)
#else
#define SUPERSEDER(t) false
#endif

#include "state.pml"
#include "properties.pml"
#include "scripts/fragments.pml"
#include "scripts/begin.pml"
#include "scripts/log.pml"
#include "scripts/append.pml"
#include "scripts/others.pml"
#include "producer.pml"
#include "surroundings.pml"

init {
  atomic {
#ifdef IGNORES
    IGNORES = 1; /* Another property is to see the mutation. */
#endif
    run Producer(1);
    run Producer(2);
#if RUNS == 3
    run Producer(3)
#endif
  }
}

#ifdef LIVENESS
ltl every_follower_ends { [] (following -> <> !following) }
#endif
