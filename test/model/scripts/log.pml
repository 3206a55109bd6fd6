/* number: of the event; 0 only renews the lease. */
inline log(t, number) {
  d_step {
    if
#ifdef MUTATION_LOG_MADE_ANEW
    :: answerToken != 0 && answerToken != t -> reply = LOST
#else
    :: answerToken != t -> reply = LOST
#endif
#ifndef MUTATION_SETTLED_RUN_RENEWS
    :: answerToken == t && answerEnd != NONE -> reply = ENDED
    :: answerToken == t && answerEnd == NONE && live && lostLease(t) -> reply = LOST
#endif
    :: answerToken == t && answerEnd == NONE && !live -> answerEnd = INTERRUPTED; giveBack(t); reply = ENDED
    :: else ->
      if
#ifdef MUTATION_LOG_WITHOUT_NUMBERS
      :: number > 0 && eventCount <= EVENTS -> eventCount++; events[eventCount] = number
#else
      :: number > 0 && eventCount < number ->
#ifdef MUTATION_GAP_IS_OK
        if
        :: eventCount == number - 1 -> eventCount++; events[eventCount] = number
        :: else
        fi
#else
        do
        :: eventCount < number - 1 -> eventCount++; events[eventCount] = MISSED
        :: else -> break
        od;
        eventCount++; events[eventCount] = number
#endif
#endif
      :: else
      fi;
      assert(settled_stays || number == 0 || final[t] == NONE);
      lease = t; holder = t; owner = t;
      if
#ifdef MUTATION_STOP_WITHOUT_TOKEN
      :: stopToken != 0 ->
#else
      :: stopToken == t ->
#endif
        assert(stop_once || stopReason == SUPERSEDED || stopped == t);
        reply = STOP
      :: else ->
        assert(stop_heard || stopped != t);
        reply = OK
      fi
    fi;
    printf("log of run %d, event %d: %e\n", t, number, reply);
    check()
  }
}
