// The words of docs/reliability.md; the counts come from a run.

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export const opening = `# Reliability

What was done to it, and what came of it. \`npm run test:faults\` wrote this page: the tables are counts of that run
(\`docs/reliability.json\` has them for programs), and \`npm run test:faults -- failover\` runs the parts of that name
and renews their tables. \`SEED=1\` makes other choices, \`SCALE=0.1\` smaller counts. All servers are local processes;
time and order of what the system does are not in the seed's hands.

**How it is counted.** Each turn that was issued is, in the caller's eyes, *acknowledged*, *refused* or *indeterminate*
(an unknown outcome that the test left unknown, where a caller would repeat it with its operation id). In the end
everything is read: \`lost\` is acknowledged and not there, \`doubled\` there more than once, \`torn\` there in part,
\`resurrected\` refused and there, \`disordered\` in front of one that was acknowledged before it began, \`foreign\` never
issued. Each part has a **control** without the protection, which has to fail: it shows that the test can see the fault.

## What each claim needs

| Claim | Needs |
| --- | --- |
| Once | The repetition comes within two minutes of the write, or of its latest repetition; no failover in between that loses the record of the operation (it is lost together with the write, so the repetition writes it again: once). |
| Whole, in order, told | Nothing: any server from 7.0 on, any persistence. A conversation has one writer at a time for order to mean anything. |
| Not lost when the server is killed | \`appendonly yes\` and \`appendfsync always\`. With \`everysec\`, a crash of the machine (not run here) may take the last second; without persistence, all is gone. |
| Not lost in a failover | \`wait: { replicas, timeout }\` with all replicas that may be promoted. \`WAIT\` makes no consensus: with fewer, the one without the write may be promoted. |
| In time | Nothing. |
| Refused whole when memory is out | \`maxmemory-policy noeviction\`. |
| A session that lost a part is none | Nothing: any policy. |`;

export const sections: readonly Section[] = [
  {
    id: "lost-replies",
    title: "The reply is lost after the write ran",
    text: `A proxy lets the request through and destroys the connection when the reply comes. On one Redis the client does not
resend: the caller is told (\`indeterminate\`), somebody else writes to the same thing, and the caller repeats with the
operation id; what the other wrote has to be there still. \`update\` of agent memory repeats its write by itself: that is
held back until the other has written. \`eraseUser\` has no operation id: here it takes two steps, a turn in flight comes
between, and once it was repeated nothing of the user may be left but the mark of the conversation, which holds no
content and keeps its turns from coming back. node-redis resends by itself: there so many replies are lost that it gives
up and the caller is told. On a Cluster the client resends by itself. Replies
counted are of writes that ran: on one Redis by their record, or by the index that an erasure removes; on the Cluster by
\`INFO commandstats\`, or by what is missing in the counts that an erasure returns.

The control on one Redis is the same repetition under another operation id, as if there were none; of \`update\`, its own
repetition under another, so that only the version protects it; of \`eraseUser\`, no repetition. On the Cluster it is RPUSH.`,
  },
  {
    id: "cut-replies",
    title: "The connection ends at every byte of the reply",
    text: `From byte 0 to the last, one connection each; the client resends.`,
  },
  {
    id: "crash",
    title: "The server is killed",
    text: `\`kill -9\` in the midst of the appends of eight writers, at a random place between 20 and 80 % of them; then the server
is started on what it left behind, and the writers go on.`,
  },
  {
    id: "sentinel-failover",
    title: "Sentinel promotes a replica",
    text: `One primary, two replicas. The links to the replicas fall silent, the primary goes on acknowledging what does not wait,
is killed 20 to 120 ms later, and comes back as an empty replica. One in ten writes is not repeated when its outcome is
unknown. With two replicas and \`wait\` for one, a failover may lose what only the other has: the row is there to show it,
and is no promise. \`unasked\` counts failovers that the test did not ask for: a busy machine can lead Sentinel to replace
a primary that is alive, to which clients without a \`failoverDetector\`, such as these, go on writing until Sentinel makes
it a replica, and all of that is lost. With Sentinel's patience (\`down-after-milliseconds\`) at 500 ms it happened once in
ten rounds: the replaced primary acknowledged 52,795 turns in 11 s, the ten that were killed 1,620 between cut and kill.
Here the patience is 2 s. The last column is what was lost around the failover that lost most; in a run without unasked
failovers the test holds the control's loss to what was acknowledged between cut and kill. node-redis 5 has the option that
[it needs under Sentinel](redis.md#node-redis); without it, this client waited for the killed primary.`,
  },
  {
    id: "cluster-failover",
    title: "A replica takes over on a Cluster",
    text: `Three primaries, one replica each. *SIGKILL*: the link to the replica of one primary falls silent, the primary goes on
acknowledging what does not wait and is killed 20 to 120 ms later; the others find it dead (\`cluster-node-timeout\` 1 s)
and elect its replica; it comes back empty and becomes a replica. *TAKEOVER*: a replica takes over
(\`CLUSTER FAILOVER TAKEOVER\`) while its primary is alive and takes writes. One in ten writes is not repeated when its
outcome is unknown. \`unasked\` counts other servers that became primaries meanwhile.`,
  },
  {
    id: "resharding",
    title: "Slots move",
    text: `Slots of one node move to another, a few keys at a time, while eight writers append to conversations in them.`,
  },
  {
    id: "stalls",
    title: "The server stands still",
    text: `Deadline 0.9 s. Every write of the library and five reads are sent while the server does not answer; afterwards each
write is repeated with its operation id. A call is late when a timer of 1.1 deadlines, begun with it, was first: where
the machine is busy both come later than they should, and the slowest call shows how much.`,
  },
  {
    id: "storm",
    title: "Scripts forgotten, connections killed",
    text: `\`SCRIPT FLUSH\` and \`CLIENT KILL TYPE normal\`, in turn at random, while 32 writers append over eight connections.`,
  },
  {
    id: "full-memory",
    title: "Memory runs out",
    text: `16 KB a turn, up to \`maxmemory\`, again and again.`,
  },
  {
    id: "eviction",
    title: "Keys are evicted",
    text: `Three sessions a user, a quarter of them ended; other keys push about half of the records out. A session that verifies
afterwards has to have its record and its place in the index, and must not have been ended.`,
  },
  {
    id: "race",
    title: "Everything at once, by processes that are killed",
    text: `Processes create, verify, rotate, update, end (by token, by id, all), open and clear conversations and append turns, eight
things at once each, with the sessions of four owners, whoever made them; again and again one is killed (\`SIGKILL\`) and
another takes its place. Counted is what must not be: an index with more sessions than the limit, seen while they race; a
session that was used, or stored a turn, after somebody was told that it had ended; turns that are torn, doubled, or there
though they were refused. The control does the same in plain commands: it looks, then acts.`,
  },
  {
    id: "answers",
    title: "Answers in flight",
    text: `Users ask, one question after another in each conversation. Each answer is begun, streams three events, is stored and
closed, and a store of its own follows it. An answer whose outcome is unknown is begun again with its operation id, with a
lease of two seconds. Meanwhile the server is killed, replies of any script are lost, memory is full, or a replica takes
over. Beside the counts above: \`questions lost\` were acknowledged by \`begin\` and are not there;
\`apart\` counts conversations whose answer says that it is stored while its turn is not there, or the other way round;
\`misled\` counts followers that heard "stored" of a turn that is not there in the end. All \`followers\` heard an end.
Where memory is full, nothing is begun again: *indeterminate* are then answers that were begun and could not be stored,
which their callers and followers hear.`,
  },
  {
    id: "wrong-clock",
    title: "The client's clock is wrong",
    text: `Every write, repeated after somebody else's, and expiries of 60 s.`,
  },
];

export const closing = `## What was not run

- Valkey, and Redis other than the version named above. The tests of the contract say on which they run.
- A crash of the machine or its power, a full or failing disk: \`kill -9\` leaves the page cache to the system.
- Real networks between machines, managed services, a partition that leaves both sides writing for longer than above.
- \`WAITAOF\` (Redis 7.2): there is no option for it.
- \`eraseUser\` where replies are cut, servers stand still or clocks are wrong: only where replies are lost.
- Days. The longest part takes minutes.`;
