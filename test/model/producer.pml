/* The process of a run. It may crash in front of each script. */

#define maybeCrash() atomic { crashes > 0 -> crashes--; printf("run %d crashes\n", t); goto over }

proctype Producer(byte t) {
  byte reply, sent, heard;
  bit renewed, retried, tried, stepped;

beginning:
  do
  :: atomic { copies > 0 && !copyOfBegin[t] -> copies--; copyOfBegin[t] = 1 }
  :: maybeCrash()
  :: tried -> leave(t); goto over
  :: atomic {
      begin(t);
      tried = 1;
      if
      :: reply == OK -> reply = 0; break
      :: reply == BUSY -> reply = 0
      :: else -> goto over
      fi
    }
  od;

running:
  do
  :: maybeCrash()
  :: atomic { heard == 0 && sent < EVENTS && copies > 0 && copyOfLog[t] == 0 -> copies--; copyOfLog[t] = sent + 1 }
  /* A batch is given up: it may still run. */
  :: heard == 0 && sent < EVENTS && copyOfLog[t] == sent + 1 -> sent++
  :: atomic {
      heard == 0 && sent < EVENTS ->
      log(t, sent + 1);
      if
      :: reply == OK || reply == STOP ->
        acknowledged[t] = acknowledged[t] | (1 << sent);
        sent++
      :: else -> goto refused
      fi;
      if
      :: reply == STOP -> heard = stopReason
      :: else
      fi;
      reply = 0
    }
  /* The timer. */
  :: atomic {
      heard == 0 && sent == EVENTS && !renewed ->
      renewed = 1;
      log(t, 0);
      if
      :: reply == STOP -> heard = stopReason
      :: reply == OK
      :: else -> goto refused
      fi;
      reply = 0
    }
  :: heard != 0 -> break
  :: heard == 0 -> heard = INTERRUPTED; break
#ifdef STEPS
  :: atomic { heard == 0 && copies > 0 && copyOfAppend[t] == 0 -> copies--; copyOfAppend[t] = STEP; copiedEnd[t] = NONE }
  :: atomic {
      heard == 0 && !stepped ->
      append(t, STEP, NONE);
      stepped = 1;
      if
      :: reply == OK -> reply = 0
      :: else -> assert(refused_is_not_stored || !(written[t] & STEP)); goto refused
      fi
    }
#endif
#ifdef RESUMES
  :: heard == 0 && ASKS(t) -> heard = WAITING; break
#endif
  :: heard == 0 && sent == EVENTS -> goto storing
  od;

keeping:
  do
  :: maybeCrash()
  :: atomic {
      copies > 0 && copyOfAppend[t] == 0 ->
      copies--; copyOfAppend[t] = (heard == WAITING -> STEP : PARTIAL); copiedEnd[t] = heard
    }
  :: atomic {
      append(t, (heard == WAITING -> STEP : PARTIAL), heard);
      if
      :: reply == OK -> goto over
      :: else -> goto refused
      fi
    }
  od;

storing:
  do
  :: maybeCrash()
  :: atomic { copies > 0 && copyOfAppend[t] == 0 -> copies--; copyOfAppend[t] = ANSWER; copiedEnd[t] = STORED }
  /* It is given up: it may still run, and the caller may try again. */
  :: atomic {
      copyOfAppend[t] == ANSWER && !retried ->
      failed(t);
      if
      :: copies > 0 -> copies--; copyOfFailed[t] = 1
      :: true
      fi;
      if
      :: retried = 1
      :: goto over
      fi
    }
  :: atomic {
      append(t, ANSWER, STORED);
      if
      :: reply == OK -> goto over
      :: else -> assert(refused_is_not_stored || !(written[t] & ANSWER)); goto refused
      fi
    }
  od;

refused:
  atomic { reply = 0; failed(t) };
  atomic {
    if
    :: copies > 0 -> copies--; copyOfRelease[t] = 1
    :: true
    fi;
    release(t)
  };

over:
  atomic { finished[t] = 1; reply = 0; sent = 0; heard = 0; renewed = 0; retried = 0; tried = 0; stepped = 0 }
}
