/* The earlier superseder is told so at its next try, also when this one is stored by then. */
inline overtake(t) {
  assert(newest_supersedes || successor == 0 || successor == t || (SUPERSEDER(t) && arrival[t] > arrival[successor]));
#if !defined(MUTATION_OVERTAKEN_STAYS_IN_LINE) && !defined(MUTATION_RESEND_IS_FIRST_TRY)
  if
  :: successor != 0 && successor != t -> known[successor] = DEAD
  :: else
  fi;
#endif
  successor = t
}

inline grant(t) {
  settle();
  if
  :: answerToken != 0 -> ends[answerToken] = answerEnd
  :: else
  fi;
  overtake(t);
  successor = 0;
  assert(one_holder || owner == 0);
  i = 1;
  do
  :: i <= RUNS ->
    assert(newest_supersedes || !SUPERSEDER(t) || !SUPERSEDER(i) || lapsedInLine[t] || known[i] != BEGUN ||
      arrival[i] < arrival[t]);
    i++
  :: else -> break
  od;
  i = 0;
  lease = t; holder = t; owner = t;
  known[t] = BEGUN;
  seenGeneration[t] = generation;
  attempt[t] = t;
  if
  :: ASKS(t) ->
#ifndef MUTATION_BEGIN_KEEPS_PARTS
    if
#ifdef MUTATION_BEGIN_REPLACES_ANY
    :: true ->
#else
    :: noteOperation == OPERATION(t) ->
#endif
      do
      :: noteParts > 0 ->
        messageCount--; noteParts--;
        had = messageToken[messageCount];
        /* Parts of another attempt at the same request give way. */
        if
        :: had != t && OPERATION(had) == OPERATION(t) -> told[had] = told[had] & ~messagePart[messageCount]
        :: else
        fi;
        messageToken[messageCount] = 0; messagePart[messageCount] = 0
      :: else -> break
      od
#ifndef MUTATION_BEGIN_REPLACES_ANY
    :: else
#endif
    fi;
#endif
    push(t, QUESTION);
    told[t] = told[t] | QUESTION;
    noteParts = 1; noteAttempt = t; noteOperation = OPERATION(t)
  :: else ->
    if
    :: noteOperation == OPERATION(t) -> attempt[t] = noteAttempt
    :: else
    fi
  fi;
  emptyLog();
  answerToken = t; answerEnd = NONE;
#ifndef MUTATION_STOP_WITHOUT_TOKEN
  stopToken = 0; stopReason = 0;
#endif
  reply = OK
}

/* Another superseder came later: this one is told so, and stays told. */
inline standAside(t) {
  assert(newest_supersedes || lapsedInLine[t] ||
    (lease != 0 && arrival[lease] > arrival[t] && SUPERSEDER(lease)) ||
    (successor != 0 && arrival[successor] > arrival[t]));
#ifndef MUTATION_TOKENS_FORGOTTEN
  known[t] = DEAD;
#endif
  nothingLeft[t] = 1;
  reply = GONE
}

inline begin(t) {
  d_step {
    if
    :: arrival[t] == 0 -> arrivals++; arrival[t] = arrivals
    :: else
    fi;
    if
    :: known[t] == DEAD -> nothingLeft[t] = 1; reply = GONE
#ifdef MUTATION_BEGIN_AGAIN
    :: known[t] == BEGUN && lease == t && answerToken == t -> reply = OK
#else
    :: known[t] == BEGUN ->
      if
      :: answerToken == t && answerEnd == NONE && !lostLease(t) ->
        lease = t; owner = t; reply = OK;
#ifdef MUTATION_RESEND_DROPS_STOP
        stopToken = 0; stopReason = 0
#endif
      :: else -> reply = LOST
      fi
#endif
    :: else ->
      if
      :: !live -> reply = REFUSED
      :: live && storedOperation[OPERATION(t)] -> reply = CONFLICT
      :: live && !storedOperation[OPERATION(t)] && lease != 0 ->
        if
        :: !SUPERSEDER(t) || (answerToken == lease && OPERATION(lease) == OPERATION(t)) -> reply = BUSY
        :: else ->
          if
#ifdef MUTATION_RESEND_IS_FIRST_TRY
          :: known[t] == IN_LINE && tried && ((successor != 0 && successor != t) || victim[t] != lease) ->
#else
          :: known[t] == IN_LINE && ((successor != 0 && successor != t) || victim[t] != lease) ->
#endif
            standAside(t)
          :: else ->
            overtake(t);
            known[t] = IN_LINE;
            victim[t] = lease;
            if
#ifdef MUTATION_ONE_KEY_FOR_STOP
            :: true -> stopToken = lease; stopReason = SUPERSEDED
#else
            :: stopToken != lease -> stopToken = lease; stopReason = SUPERSEDED
            :: else
#endif
            fi;
            reply = BUSY
          fi
        fi
      :: else ->
        if
#ifndef MUTATION_NO_RESERVATION
        :: successor != 0 && successor != t && !SUPERSEDER(t) -> reply = BUSY
        :: successor != 0 && successor != t && SUPERSEDER(t) && known[t] == IN_LINE -> standAside(t)
#endif
        :: else -> grant(t)
        fi
      fi
    fi;
    printf("begin of run %d: %e\n", t, reply);
    check()
  }
}

/* The caller of begin gives up. A token that was not granted is dead from then on; a run that was granted ends. */
inline leave(t) {
  d_step {
    if
    :: known[t] == BEGUN ->
      if
      :: answerToken == t && answerEnd == NONE -> answerEnd = INTERRUPTED
      :: else
      fi;
      giveBack(t)
    :: else ->
#ifndef MUTATION_TOKENS_FORGOTTEN
      known[t] = DEAD;
#endif
      nothingLeft[t] = 1;
      if
      :: successor == t -> successor = 0
      :: else
      fi
    fi;
    printf("the caller of run %d gives up\n", t);
    check()
  }
}
