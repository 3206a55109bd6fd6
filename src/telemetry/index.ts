export { instrument, type InstrumentOptions } from "./instrument.js";
export { OPERATIONS_CHANNEL, type OperationEnd } from "../diagnostics/operations.js";
