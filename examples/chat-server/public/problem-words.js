// Why a question was not answered, and what to do about it.
import { ConnectionError, inWords } from "./api.js";

const texts = {
  AGENT_FAILED: "The agent could not answer. Try again.",
  MODEL_RATE_LIMITED: "The model has too much to do. Try again in a minute.",
  MODEL_REFUSED_KEY:
    "The model does not accept the key of this service. Whoever runs the service has to look after it.",
  MODEL_UNAVAILABLE: "The model cannot be reached. Try again in a while.",
  TURN_TIMED_OUT: "The answer took too long and was stopped. Try again, or ask for less.",
  SHUTTING_DOWN: "The service is being restarted. Try again in a moment.",
  TURN_NOT_STORED: "The answer could not be stored. Try again.",
  CONVERSATION_BUSY: "Another answer is still being written in this conversation. Wait for it, then try again.",
  CONVERSATION_CHANGED: "The conversation was changed meanwhile, perhaps on another device. Look at it again.",
  POSITION_NOT_FOUND: "That message was removed meanwhile, perhaps on another device.",
  BODY_TOO_LARGE: "This is too long to be sent. Shorten it.",
  INVALID_INPUT: "This cannot be sent as it is. Shorten it.",
};

export function whyNotAnswered(error) {
  if (error === undefined || error === null) return "The answer broke off.";
  if (error instanceof ConnectionError) return "The service cannot be reached, so this may not have arrived.";
  const text = texts[error.code];
  if (text === undefined) return inWords(error);
  return error.retryAfter ? `${text} Try again in ${error.retryAfter} s.` : text;
}
