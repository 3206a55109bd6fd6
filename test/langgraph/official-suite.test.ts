// LangGraph's validation suite: 718 tests, and the 8 of delta channels.
import { amount } from "../support/amount.js";
import { memory, model } from "./support/kinds.js";
import { officialSuite } from "./support/official-suite.js";
import { onCluster, onOneRedis, sealed, withSerde, withSessions, withSessionsOnCluster } from "./support/our-kinds.js";

const always = [onOneRedis, onCluster, sealed, withSessions, withSessionsOnCluster];
const longer = [withSerde, memory, model()];

for (const { name, place } of [...always, ...longer.slice(0, amount(0, 3))]) officialSuite(name, () => place().open());
