// What Google's Gemini API refuses, in its words. Results of parallel calls may come in several contents that follow each
// other, and a text may be empty, as long as it is there.
import { findReason, type Rule } from "../support/api.js";

interface Part {
  readonly text?: string;
  readonly thought?: boolean;
  readonly thoughtSignature?: string;
  readonly functionCall?: { readonly name: string };
  readonly functionResponse?: { readonly name: string };
}

interface Content {
  readonly role: string;
  readonly parts: readonly Part[];
}

export interface Body {
  readonly contents: readonly Content[];
}

const callsOf = (content: Content | undefined): readonly Part[] =>
  content?.parts.filter(({ functionCall }) => functionCall !== undefined) ?? [];
const responsesOf = (content: Content | undefined): readonly Part[] =>
  content?.parts.filter(({ functionResponse }) => functionResponse !== undefined) ?? [];

const eachContent =
  (reasonOf: (content: Content, index: number, contents: readonly Content[]) => string | undefined): Rule<Body> =>
  ({ contents }) =>
    findReason(contents, (content, index) => reasonOf(content, index, contents));

/** The responses that follow directly. */
function responsesBehind(contents: readonly Content[], index: number): readonly Part[] {
  const end = contents.findIndex((content, position) => position > index && responsesOf(content).length === 0);
  return contents.slice(index + 1, end === -1 ? undefined : end).flatMap(responsesOf);
}

export const rules: readonly Rule<Body>[] = [
  // NousResearch/hermes-agent#57942
  ({ contents }) =>
    contents.length === 0 ? "* GenerateContentRequest.contents: contents is not specified\n" : undefined,
  // vercel/ai#3775, egoist/chatwise-releases#250
  eachContent(({ parts }, index) =>
    parts.length === 0
      ? `* GenerateContentRequest.contents[${index}].parts: contents.parts must not be empty.\n`
      : undefined,
  ),
  // router-for-me/CLIProxyAPI#1292
  eachContent(({ parts }, index) =>
    findReason(parts, ({ thought: _thought, thoughtSignature: _signature, ...data }, position) =>
      Object.values(data).every((value) => value === undefined)
        ? `* GenerateContentRequest.contents[${index}].parts[${position}].data: required oneof field 'data' must have one initialized field\n`
        : undefined,
    ),
  ),
  // continuedev/continue#11047, google-gemini/gemini-cli#26486
  eachContent((content, index, contents) =>
    callsOf(content).length > 0 && contents[index - 1]?.role !== "user"
      ? "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
      : undefined,
  ),
  // google-gemini/gemini-cli#3814, #17208
  eachContent((content, index, contents) =>
    callsOf(content).length !== responsesBehind(contents, index).length && responsesOf(content).length === 0
      ? "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."
      : undefined,
  ),
  // langgenius/dify-official-plugins#2088; spring-projects/spring-ai#4977: only in the turn that is under way, and of
  // parallel calls the first (pipecat-ai/pipecat#3420).
  ({ contents }) => {
    const begun = contents.findLastIndex(
      ({ role, parts }) => role === "user" && parts.some(({ text }) => text !== undefined),
    );
    return findReason(contents, (content, index) => {
      const [first] = callsOf(content);
      return index > begun && first !== undefined && first.thoughtSignature === undefined
        ? `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${first.functionCall?.name ?? ""}\` , position ${index + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`
        : undefined;
    });
  },
];
