// SPDX-License-Identifier: Apache-2.0
//
// The model. Yours is one of a provider, as in
//
//   import { openai } from "@ai-sdk/openai";
//   export const languageModel = id => openai(id);
//
// This one says what the newest message tells it to: a list of pieces in JSON,
// such as [{"text": "Hel"}, {"text": "lo"}], or else that message itself.
import { MockLanguageModelV3, simulateReadableStream } from "ai/test";

function script(prompt) {
  const said = prompt.findLast(({ role }) => role === "user")?.content.findLast(({ type }) => type === "text")?.text ?? "";
  try {
    const pieces = JSON.parse(said);
    return Array.isArray(pieces) ? pieces : [{ text: said }];
  }
  catch {
    return [{ text: said }];
  }
}

function* parts(pieces) {
  let open;
  const end = function* () {
    if (open)
      yield { type: `${open}-end`, id: open };
    open = undefined;
  };
  yield { type: "stream-start", warnings: [] };
  for (const piece of pieces) {
    const kind = ["text", "reasoning"].find(name => name in piece);
    if (kind !== open)
      yield* end();
    if (kind && kind !== open)
      yield { type: `${open = kind}-start`, id: kind };
    if (kind)
      yield { type: `${kind}-delta`, id: kind, delta: piece[kind] };
    if (piece.source)
      yield { type: "source", sourceType: "url", id: piece.source, url: piece.source };
    if (piece.tool) {
      const input = JSON.stringify(piece.input);
      yield { type: "tool-input-start", id: piece.id, toolName: piece.tool };
      yield { type: "tool-input-delta", id: piece.id, delta: input };
      yield { type: "tool-input-end", id: piece.id };
      yield { type: "tool-call", toolCallId: piece.id, toolName: piece.tool, input };
    }
    if (piece.error)
      yield { type: "error", error: new Error(piece.error) };
  }
  yield* end();
  const calls = pieces.some(({ tool }) => tool);
  yield {
    type: "finish",
    finishReason: { unified: calls ? "tool-calls" : "stop" },
    usage: { inputTokens: { total: 7 }, outputTokens: { total: pieces.length } },
  };
}

// The second call of a turn is made when the tools have answered.
export const languageModel = id => new MockLanguageModelV3({
  modelId: id,
  doStream: async ({ prompt }) => {
    const pieces = script(prompt);
    if (pieces[0]?.fail)
      throw new Error(pieces[0].fail);
    const answered = prompt.at(-1).role === "tool";
    return {
      stream: simulateReadableStream({
        chunks: [...parts(answered ? [{ text: "I have asked." }] : pieces)],
        chunkDelayInMs: pieces[0]?.wait ?? null,
      }),
    };
  },
});
