inline stop() {
  d_step {
    if
#ifndef MUTATION_STOP_FORGETS
    :: stopWritten
#endif
    :: else ->
      stopWritten = 1;
      stopReply = 0;
      if
      :: answerToken != 0 && answerEnd == NONE && lease == answerToken ->
        assert(stop_once || stopped == 0 || stopped == answerToken);
        stopped = answerToken;
        stopReply = 1;
#ifdef MUTATION_ONE_KEY_FOR_STOP
        stopToken = answerToken; stopReason = STOPPED; successor = 0
#else
        if
        :: stopToken != answerToken -> stopToken = answerToken; stopReason = STOPPED
        :: else
        fi
#endif
      :: answerToken != 0 && answerEnd == NONE && lease != answerToken ->
        toldIdle[answerToken] = 1;
#ifndef MUTATION_STOP_DOES_NOT_SETTLE
        settle()
#endif
      :: else
      fi
    fi;
    reply = stopReply;
    printf("stop: %d\n", reply);
    check()
  }
}

inline clear() {
  d_step {
    generation = 1 - generation;
    do
    :: messageCount > 0 ->
      messageCount--;
      messageToken[messageCount] = 0; messagePart[messageCount] = 0
    :: else -> break
    od;
    noteParts = 0; noteAttempt = 0; noteOperation = 0;
    answerToken = 0; answerEnd = NONE;
    emptyLog();
    i = 1;
    do
    :: i <= RUNS -> ends[i] = NONE; told[i] = 0; acknowledged[i] = 0; i++
    :: else -> break
    od;
    i = 0;
    printf("clear\n");
    check()
  }
}
