export { SessionMemory, type SessionMemoryFields } from "./session-memory.js";
