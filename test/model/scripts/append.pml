inline append(t, part, end) {
  d_step {
    if
#ifdef MUTATION_APPEND_FORGETS
    :: false
#else
    :: (written[t] & part) != 0 -> /* Its operation id is known. */
      if
      :: end != NONE -> giveBack(t)
      :: else
      fi;
      reply = OK
#endif
    :: else ->
      if
      :: !live ->
        if
        :: answerToken == t && answerEnd == NONE -> answerEnd = INTERRUPTED
        :: else
        fi;
        giveBack(t);
        reply = REFUSED
#ifndef MUTATION_CLEAR_DOES_NOT_FENCE
      :: live && generation != seenGeneration[t] -> reply = REFUSED
#endif
#ifndef MUTATION_APPEND_WITHOUT_LEASE
      :: live && generation == seenGeneration[t] && lostLease(t) -> reply = REFUSED
#endif
      :: else ->
        assert(fence || final[t] == NONE || final[t] == FAILED);
        assert(fence || owner == 0 || owner == t);
        assert(stop_heard || !toldIdle[t]);
        written[t] = written[t] | part;
        told[t] = told[t] | part;
        push(t, part);
        if
        :: part == ANSWER ->
          storedOperation[OPERATION(t)] = 1;
          noteParts = 0; noteAttempt = 0; noteOperation = 0
        :: part != ANSWER && noteOperation == OPERATION(t) -> noteParts++
        :: else -> noteParts = 1; noteAttempt = attempt[t]; noteOperation = OPERATION(t)
        fi;
#ifndef MUTATION_END_APART
        if
#ifdef MUTATION_FAILED_STAYS
        :: end != NONE && answerToken == t && answerEnd == NONE -> answerEnd = end; giveBack(t)
#else
        :: end != NONE && answerToken == t -> answerEnd = end; giveBack(t)
#endif
        :: end != NONE && answerToken != t -> giveBack(t)
        :: else
        fi;
#endif
        reply = OK
      fi
    fi;
    printf("append of run %d, part %d: %e\n", t, part, reply);
    check()
  }
#ifdef MUTATION_END_APART
  d_step {
    if
    :: reply == OK && answerToken == t && answerEnd == NONE -> answerEnd = end; giveBack(t)
    :: else
    fi;
    check()
  }
#endif
}

/* The answer is there, and could not be stored. Anybody may begin now. As long as nobody did, a retry stores. */
inline failed(t) {
  d_step {
    if
#ifdef MUTATION_FAILED_OVERWRITES
    :: answerToken == t -> answerEnd = FAILED
#else
    :: answerToken == t && answerEnd == NONE -> answerEnd = FAILED
#endif
    :: else
    fi;
    if
    :: lease == t -> lease = 0; owner = 0
    :: else
    fi;
    printf("failed of run %d\n", t);
    check()
  }
}

inline release(t) {
  d_step {
#ifdef MUTATION_RELEASE_WITHOUT_TOKEN
    lease = 0; holder = 0;
#endif
    giveBack(t);
    printf("release of run %d\n", t);
    check()
  }
}
