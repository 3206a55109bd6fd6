import { anthropic } from "../anthropic/api.js";
import { bedrock } from "../bedrock/api.js";
import { gemini } from "../gemini/api.js";
import { openAiChat } from "../openai-chat/api.js";
import { openAiResponses, openAiResponsesZdr } from "../openai-responses/api.js";
import type { Api } from "./api.js";

export const apis: readonly Api[] = [anthropic, bedrock, gemini, openAiChat, openAiResponses, openAiResponsesZdr];
