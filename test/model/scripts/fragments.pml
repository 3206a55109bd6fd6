inline push(t, part) {
  messageToken[messageCount] = t;
  messagePart[messageCount] = part;
  messageCount++
}

inline giveBack(t) {
  if
  :: lease == t -> lease = 0
  :: else
  fi;
  if
  :: holder == t -> holder = 0
  :: else
  fi;
  if
  :: owner == t -> owner = 0
  :: else
  fi
}

/* A run whose lease has lapsed is over: it is fenced, so that it stays over. */
inline settle() {
  if
  :: answerToken != 0 && answerEnd == NONE && lease != answerToken ->
    answerEnd = INTERRUPTED;
#ifndef MUTATION_SETTLE_DOES_NOT_FENCE
    if
    :: holder == answerToken -> holder = 0
    :: else
    fi
#endif
  :: else
  fi
}

inline emptyLog() {
  i = 1;
  do
  :: i <= eventCount -> events[i] = 0; i++
  :: else -> break
  od;
  i = 0;
  eventCount = 0
}
