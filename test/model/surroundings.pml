/* Copies that run late. */
#if RUNS == 2
#define ANY(copies) (copies[1] || copies[2])
#define PICK(copies) if :: copies[1] -> t = 1 :: copies[2] -> t = 2 fi
#else
#define ANY(copies) (copies[1] || copies[2] || copies[3])
#define PICK(copies) if :: copies[1] -> t = 1 :: copies[2] -> t = 2 :: copies[3] -> t = 3 fi
#endif
#define late() printf("a copy runs late:\n")

active proctype Network() {
  byte reply, t, part;
  bit tried;
end:
  do
  :: atomic { ANY(copyOfBegin) -> PICK(copyOfBegin); late(); copyOfBegin[t] = 0; begin(t); reply = 0; t = 0 }
  :: atomic {
      ANY(copyOfLog) -> PICK(copyOfLog); late();
      part = copyOfLog[t]; copyOfLog[t] = 0;
      log(t, part);
      reply = 0; t = 0; part = 0
    }
  :: atomic {
      ANY(copyOfAppend) -> PICK(copyOfAppend); late();
      part = copyOfAppend[t]; copyOfAppend[t] = 0;
      append(t, part, copiedEnd[t]);
      copiedEnd[t] = 0; reply = 0; t = 0; part = 0
    }
  :: atomic { ANY(copyOfFailed) -> PICK(copyOfFailed); late(); copyOfFailed[t] = 0; failed(t); t = 0 }
  :: atomic { ANY(copyOfRelease) -> PICK(copyOfRelease); late(); copyOfRelease[t] = 0; release(t); t = 0 }
  :: atomic { copyOfStop -> late(); copyOfStop = 0; stop(); reply = 0 }
  od
}

/* What lapses: at once when nobody renews it, and STALLS times although somebody would. */
active proctype Time() {
end:
  do
  :: atomic {
      lease != 0 && (finished[lease] || stalls > 0) ->
      if
      :: finished[lease]
      :: else -> stalls--
      fi;
      printf("the lease of run %d lapses\n", lease);
      lease = 0; owner = 0
    }
  :: atomic {
      successor != 0 && (finished[successor] || stalls > 0) ->
      if
      :: finished[successor]
      :: else -> stalls--
      fi;
      printf("the place in line of run %d lapses\n", successor);
      lapsedInLine[successor] = 1;
#ifdef MUTATION_ONE_KEY_FOR_STOP
      stopToken = 0; stopReason = 0;
#endif
      successor = 0
    }
  od
}

active proctype Follower() {
  byte followed, ending;
again:
end:
  atomic { answerToken != 0 && answerEnd == NONE -> followed = answerToken; following = 1 }
  do
  :: atomic {
#ifndef MUTATION_READ_DOES_NOT_SETTLE
      settle();
#endif
#ifdef MUTATION_READ_OF_ANY_RUN
      ending = (answerToken != 0 -> answerEnd : GONE);
#else
      ending = (answerToken == followed -> answerEnd : ends[followed]);
#endif
      check();
      if
      :: answerToken != followed && ending == NONE -> ending = GONE
      :: else
      fi;
      assert(followers_end || ending == NONE || ending == GONE || ending == final[followed]);
      if
      :: ending != NONE -> printf("the follower of run %d is told: %e\n", followed, ending); break
      :: else
      fi
    }
  od;
  atomic { following = 0; followed = 0; ending = 0 };
  goto again
}

#ifdef STOPS
active proctype Stopper() {
  byte reply;
  do
  :: atomic { copies > 0 && !copyOfStop -> copies--; copyOfStop = 1 }
  :: atomic { stop(); reply = 0; break }
  :: break
  od
}
#endif

#ifdef CLEARS
active proctype Cleaner() {
  if
  :: clear()
  :: true
  fi
}
#endif

#ifdef SESSION_ENDS
active proctype Session() {
  if
  :: live = 0
  :: true
  fi
}
#endif
