// LangGraph's validation suite: 718 tests, and the 8 of delta channels.
import { memory, model } from "./support/kinds.js";
import { officialSuite } from "./support/official-suite.js";

for (const { name, place } of [memory, model()]) officialSuite(name, () => place().open());
