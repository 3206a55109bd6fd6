/* What the properties are about. No script reads it. */
byte told[RUNS + 1];
byte acknowledged[RUNS + 1];
byte final[RUNS + 1];
byte arrival[RUNS + 1], arrivals;
bit nothingLeft[RUNS + 1], lapsedInLine[RUNS + 1];
byte owner;
byte stopped;
bit toldIdle[RUNS + 1];
bit following;

/* The properties, for the texts of the assertions: always 0, and no part of the state. */
hidden byte no_mixed_turns, no_acknowledged_loss, question_once, stored_once, stored_iff_done, settled_stays, events_once,
  one_holder, fence, newest_supersedes, leaves_nothing, stop_once, stop_heard, followers_end,
  refused_is_not_stored;

hidden byte i, j, had, present[RUNS + 1];

#define endOf(t) (answerToken == t -> answerEnd : ends[t])
#define lostLease(t) (lease != t && (lease != 0 || holder != t))

/* Everything that has to hold between two scripts. */
inline check() {
  i = 1;
  do
  :: i <= RUNS -> present[i] = 0; i++
  :: else -> break
  od;
  i = 0;
  do
  :: i < messageCount ->
    had = messageToken[i];
    assert(stored_once || !(present[had] & messagePart[i]));
    if
    :: messagePart[i] == QUESTION ->
      j = i;
      do
      :: j > 0 && OPERATION(messageToken[j - 1]) == OPERATION(had) ->
        assert(question_once || messagePart[j - 1] != QUESTION);
        j--
      :: else -> break
      od;
      assert(no_mixed_turns || present[had] == 0)
    :: else ->
      assert(no_mixed_turns || (!ASKS(had) && present[had] == 0) || (i > 0 && messageToken[i - 1] == had))
    fi;
    present[had] = present[had] | messagePart[i];
    i++
  :: else -> break
  od;
  i = 1;
  do
  :: i <= RUNS ->
    assert(no_acknowledged_loss || (told[i] & ~present[i]) == 0);
    assert(stored_iff_done || (endOf(i) == STORED) == ((present[i] & ANSWER) != 0));
    assert(leaves_nothing || !nothingLeft[i] || (present[i] == 0 && lease != i));
    assert(settled_stays || answerToken != i || final[i] == NONE || answerEnd == final[i] ||
      (final[i] == FAILED && answerEnd == STORED));
    assert(settled_stays || ends[i] == NONE || final[i] == NONE || ends[i] == final[i]);
    if
    :: endOf(i) != NONE -> final[i] = endOf(i)
    :: else
    fi;
    i++
  :: else -> break
  od;
  assert(settled_stays || answerToken != 0 || eventCount == 0);
  assert(one_holder || owner == 0 || lease == owner);
  i = 1;
  do
  :: i <= EVENTS ->
    assert(no_acknowledged_loss || answerToken == 0 || !(acknowledged[answerToken] & (1 << (i - 1))) || events[i] == i);
    i++
  :: else -> break
  od;
  i = 1;
  do
  :: i <= eventCount -> assert(events_once || events[i] == i || events[i] == MISSED); i++
  :: else -> break
  od;
  i = 0; j = 0; had = 0
}
