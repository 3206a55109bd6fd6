import { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";
import { ChatBedrockConverse } from "@langchain/aws";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { type Api, firstRefusal } from "../support/api.js";
import { answers, stopping } from "./answers.js";
import { exception } from "./event-stream.js";
import { type Body, rules } from "./rules.js";

// Of the package for all of AWS, which tells when it will give up this version of Node.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

const region = "eu-north-1";
const credentials = { accessKeyId: "none", secretAccessKey: "none" };
/** HTTP/1.1: over TLS the client would talk HTTP/2. */
const requestHandler = new NodeHttpHandler();

export const bedrock: Api = {
  name: "Bedrock Converse",
  model: (url, outputVersion) =>
    new ChatBedrockConverse({
      model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
      region,
      credentials,
      client: new BedrockRuntimeClient({ endpoint: url, region, credentials, requestHandler, maxAttempts: 1 }),
      maxRetries: 0,
      outputVersion,
    }),
  answers,
  stopping,
  alike: {
    "thinking, then white space and text": "thinking, then text",
    "thinking up to the token limit": "thinking, then text",
    "a call cut at the token limit": "text, then a call",
  },
  isStream: (path) => path.endsWith("/converse-stream"),
  refusal: (body: Body) => firstRefusal(rules, body),
  refuse: (message) => ({
    body: JSON.stringify({ message }),
    headers: { "x-amzn-errortype": "ValidationException" },
  }),
  failure: exception("modelStreamErrorException", { message: "The model stopped.", originalStatusCode: 500 }),
  streamType: "application/vnd.amazon.eventstream",
};
