// SPDX-License-Identifier: Apache-2.0
//
// POST /api/chat/stream: the AI half of POST /api/chat. The web server has
// identified the user, counted the message, found the chat and saved what the
// user says; here the model is asked.
//
//   { id, message, selectedChatModel, selectedVisibilityType, existingMessages }
import { z } from "zod/v4";
import { convertToModelMessages, createUIMessageStream, createUIMessageStreamResponse, stepCountIs, streamText, tool } from "ai";
import { caller } from "@/lib/caller";
import { languageModel } from "@/lib/model";

const refuse = (status, code, message) => Response.json({ code, message }, { status });

const tools = {
  weather: tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => ({ city, celsius: -3 }),
  }),
  askUser: tool({ description: "The page asks the user", inputSchema: z.object({ question: z.string() }) }),
};

export async function POST(request) {
  const user = await caller(request);
  if (user === undefined)
    return refuse(401, "unauthorized:chat", "You need to sign in to view this chat. Please sign in and try again.");
  const { message, selectedChatModel, existingMessages } = await request.json();
  if (!message)
    return refuse(400, "bad_request:api", "The request couldn't be processed. Please check your input and try again.");

  // The message of the user follows what was said. Results of tools that the
  // page has asked come in the assistant's own message, which goes on.
  const messages = [...existingMessages, message];
  const stream = createUIMessageStream({
    originalMessages: messages,
    generateId: () => crypto.randomUUID(),
    execute: async ({ writer }) => {
      const result = streamText({
        model: languageModel(selectedChatModel),
        messages: await convertToModelMessages(messages),
        tools,
        stopWhen: stepCountIs(5),
        abortSignal: request.signal, // the page was left: ask no further
        onFinish: ({ totalUsage }) => writer.write(
          { type: "data-usage", data: { ...totalUsage, modelId: selectedChatModel } }),
      });
      writer.merge(result.toUIMessageStream({ sendReasoning: true, sendSources: true }));
    },
    onError: () => "Oops, an error occurred!",
  });
  return createUIMessageStreamResponse({ stream });
}
