// SPDX-License-Identifier: Apache-2.0
//
// A chat page without the page, made with the real AI SDK: AbstractChat and
// DefaultChatTransport of version 5, 6 or 7.
//
//   node chat.mjs < JOBS > RESULTS
//
// A job is a line of JSON, and so is its result:
//
//   {"version", "api" | "events", "text", "body", "headers", "output"}
//       api     where it asks
//       events  instead: the SDK's own server answers, whose model says these:
//               [{"text"}, {"reasoning"}, {"id", "tool", "input"}, ...]
//       output  what a tool of the page gives, for each of its calls; then the
//               chat goes on by itself
//   {"messages", "status", "error", "data": the transient data that came}
//
// Ids of messages are left out: each has its own.
import { createInterface } from "node:readline";
import { sorted } from "./json.mjs";

// ---- the SDK's own server ----

function* parts(events, old) {
  let open, number = { text: -1, reasoning: -1 };
  const end = function* () {
    if (open)
      yield { type: `${open}-end`, id: `${open}-${number[open]}` };
    open = undefined;
  };
  yield { type: "stream-start", warnings: [] };
  for (const event of events) {
    const kind = ["text", "reasoning"].find(name => name in event);
    if (kind !== open)
      yield* end();
    if (kind && !open) {
      open = kind;
      number[kind]++;
      yield { type: `${kind}-start`, id: `${kind}-${number[kind]}` };
    }
    if (kind)
      yield { type: `${kind}-delta`, id: `${kind}-${number[kind]}`, delta: event[kind] };
    if (event.tool) {
      yield { type: "tool-input-start", id: event.id, toolName: event.tool };
      yield { type: "tool-input-delta", id: event.id, delta: event.input };
      yield { type: "tool-input-end", id: event.id };
    }
  }
  yield* end();
  const calls = events.filter(({ tool }) => tool);
  for (const { id, tool, input } of calls)
    yield { type: "tool-call", toolCallId: id, toolName: tool, input };
  const reason = calls.length ? "tool-calls" : "stop";
  yield old
    ? { type: "finish", finishReason: reason, usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } }
    : { type: "finish", finishReason: { unified: reason }, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } } };
}

async function server(version, events) {
  const sdk = await import(`ai${version}`);
  const test = await import(`ai${version}/test`);
  const name = Object.keys(test).filter(key => /^MockLanguageModelV\d$/.test(key)).sort().at(-1);
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts(events, version === 5))
        controller.enqueue(part);
      controller.close();
    },
  });
  const tools = {};
  for (const { tool } of events.filter(({ tool }) => tool))
    tools[tool] = sdk.tool({ inputSchema: sdk.jsonSchema({ type: "object" }) });
  const model = new test[name]({ doStream: async () => ({ stream }) });
  return async (_, { body }) => {
    const { messages } = JSON.parse(body);
    const result = sdk.streamText({ model, tools, messages: await sdk.convertToModelMessages(messages) });
    return result.toUIMessageStreamResponse({ sendReasoning: true, originalMessages: messages });
  };
}

// ---- the page ----

async function chat({ version, api, events, text, body, headers, output }) {
  const { AbstractChat, DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls: complete } = await import(`ai${version}`);
  const state = {
    status: "ready", error: undefined, messages: [],
    pushMessage(message) { this.messages = [...this.messages, message]; },
    popMessage() { this.messages = this.messages.slice(0, -1); },
    replaceMessage(index, message) { this.messages = this.messages.with?.(index, message) ?? Object.assign([...this.messages], { [index]: message }); },
    snapshot: structuredClone,
  };
  const data = [];
  class Chat extends AbstractChat {}
  const fetch = events && await server(version, events);
  const page = new Chat({
    id: "chat-1", state, transport: new DefaultChatTransport({ api, body, headers, ...(fetch ? { fetch } : {}) }),
    onData: part => { if (part.transient) data.push(part); },
    onError: () => {},
    ...(output === undefined ? {} : { sendAutomaticallyWhen: complete }),
  });
  await page.sendMessage({ text });
  if (output !== undefined) {
    const calls = page.messages.at(-1).parts.filter(({ state }) => state === "input-available");
    for (const { type, toolCallId } of calls)
      await (page.addToolOutput ?? page.addToolResult)({ tool: type.slice("tool-".length), toolCallId, output });
    // What follows is asked by itself.
    while (!["ready", "error"].includes(page.status))
      await new Promise(resolve => setTimeout(resolve, 10));
  }
  const messages = page.messages.map(({ id, ...message }) => message);
  return { messages, status: page.status, error: page.error?.message, data };
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(sorted(JSON.parse(JSON.stringify(await chat(JSON.parse(line)))))));
