export { SessionMemory, type SessionMemoryFields, type WithHistories, type WithHistory } from "./session-memory.js";
