// SPDX-License-Identifier: Apache-2.0
//
// What the real AI SDK makes of UI message streams, for t/82-ui-message-read.t.
//
//   node read.mjs make SEED COUNT STREAMS MESSAGES [plain]
//       makes COUNT streams from a seed: STREAMS gets one a line, as
//       build/plain/tools/ui_message reads it, and behind it the same without
//       chunks that the SDK does not know; MESSAGES what its version 6 makes of
//       that. plain: what servers send, without what the versions differ in
//   node read.mjs judge VERSION < STREAMS > MESSAGES
//       what version 5, 6 or 7 makes of the latter
//
// A message is a line of JSON whose keys are sorted: {parts, id?, metadata?,
// finishReason?, error?, broken}. Steps that begin at its end are left out: the
// SDK tells of a message when a part changes, and those change none.
import { createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { sorted } from "./json.mjs";

// ---- reading ----

const versions = { 5: "ai5", 6: "ai6", 7: "ai7" };

function withoutLastSteps(parts) {
  const all = [...parts];
  while (all.at(-1)?.type === "step-start")
    all.pop();
  return all;
}

// What a page would have: the transport's chunks, and the message they make.
async function read(sdk, bytes) {
  const { DefaultChatTransport, readUIMessageStream } = sdk;
  const fetch = async () => new Response(bytes, { headers: { "content-type": "text/event-stream" } });
  const chunks = await new DefaultChatTransport({ fetch }).sendMessages(
    { chatId: "c", messages: [], trigger: "submit-message" });
  const told = { parts: [], broken: false }, errors = new Set();
  const watched = chunks.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      if (chunk.type === "error") {
        told.error ??= chunk.errorText;
        errors.add(chunk.errorText);
      }
      if (chunk.type === "finish" && chunk.finishReason)
        told.finishReason = chunk.finishReason;
      if (chunk.type === "start" && chunk.messageId !== undefined && chunk.messageId !== told.id) {
        told.id = chunk.messageId;
        delete told.finishReason;
      }
      controller.enqueue(chunk);
    },
  }));
  // The SDK tells of errors that the server sent in the same way.
  const onError = error => { told.broken ||= !errors.has(error?.message); };
  for await (const message of readUIMessageStream({ stream: watched, onError })) {
    told.parts = message.parts;
    told.metadata = message.metadata;
  }
  told.parts = withoutLastSteps(told.parts);
  return JSON.stringify(sorted(told));
}

// ---- making ----

function random(seed) {
  let state = seed >>> 0 || 1;
  return n => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state % n;
  };
}

function maker(next, plain) {
  const pick = list => list[next(list.length)];
  const maybe = (n, members) => next(n) ? {} : members();
  const texts = ["", "a", "Grüße ", "\n\t\"\\", "🌍", "日本", "line one\r\nline two", "x".repeat(200), "\u2028\u0001", "data: [DONE]"];
  const values = [null, true, 0, -1.5e3, 12345678901, "", "text", [], {}, [1, [2, { a: "ü" }]], { city: "Kyiv", n: [null, {}] }, { "": 1, "a b": "\"" }];
  const provider = () => pick([{}, { x: {} }, { openai: { itemId: "i", list: [1] } }]);
  const withProvider = () => maybe(4, () => ({ providerMetadata: provider() }));
  const id = () => pick(["0", "1", "a b"]);
  const call = () => pick(["c1", "c2", "c3"]);
  const name = () => pick(["weather", "get-time", "x"]);
  const tool = () => plain ? {} : ({
    ...maybe(5, () => ({ dynamic: pick([true, false]) })), ...maybe(6, () => ({ providerExecuted: pick([true, false]) })),
    ...maybe(6, () => ({ title: "Title" })), ...maybe(6, () => ({ toolMetadata: { m: pick(values) } })), ...withProvider(),
  });
  const sources = () => pick([
    { type: "source-url", sourceId: "s", url: "https://x/", ...maybe(2, () => ({ title: "T" })), ...withProvider() },
    { type: "source-document", sourceId: "s", mediaType: "application/pdf", title: "T", ...maybe(2, () => ({ filename: "f.pdf" })), ...withProvider() },
    { type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png", ...(plain ? {} : withProvider()) },
  ]);
  const metadata = () => pick([{}, { a: 1 }, { a: { b: 2 }, c: [1] }, { a: { d: null }, c: [] }]);
  const any = [
    () => [{ type: "start", ...maybe(2, () => ({ messageId: pick(["m1", "m1", "m2"]) })), ...maybe(2, () => ({ messageMetadata: metadata() })) }],
    () => [{ type: "start-step" }], () => [{ type: "finish-step" }],
    () => [{ type: "message-metadata", messageMetadata: metadata() }],
    () => [sources()],
    () => [{ type: "data-" + pick(["note", "usage", "x"]), data: pick(values), ...maybe(2, () => ({ id: id() })), ...maybe(4, () => ({ transient: pick([true, false]) })) }],
    () => [{ type: "abort" }], () => [{ type: "error", errorText: pick(texts) || "e" }],
    () => [{ type: "finish", ...maybe(3, () => ({ messageMetadata: metadata() })), finishReason: pick(["stop", "length", "content-filter", "tool-calls", "error", "other"]) }],
    () => [{ type: "tool-output-available", toolCallId: call(), output: pick(values), ...maybe(4, () => ({ preliminary: true })), ...tool() }],
    () => [{ type: "tool-output-error", toolCallId: call(), errorText: "It broke.", ...tool() }],
    () => [{ type: "tool-output-denied", toolCallId: call() }],
    () => [{ type: "tool-approval-request", toolCallId: call(), approvalId: "p", ...maybe(3, () => ({ signature: "s" })) }],
    () => [{ type: "tool-input-available", toolCallId: call(), toolName: name(), input: pick(values), ...tool() }],
    () => [{ type: "tool-input-error", toolCallId: call(), toolName: name(), input: pick(values), errorText: "No.", ...tool() }],
    () => [{ type: pick(["text-delta", "reasoning-delta"]), id: id(), delta: pick(texts) }],
    () => [{ type: pick(["text-end", "reasoning-end"]), id: id() }],
  ];
  // What belongs together: a text, thoughts, a call.
  const text = () => {
    const type = pick(["text", "text", "reasoning"]), at = id();
    const all = [{ type: type + "-start", id: at, ...withProvider() }];
    for (let n = next(4); n > 0; n--)
      all.push({ type: type + "-delta", id: at, delta: pick(texts), ...maybe(9, () => ({ providerMetadata: provider() })) });
    return next(4) ? [...all, { type: type + "-end", id: at, ...withProvider() }] : all;
  };
  const calls = () => {
    const toolCallId = call(), toolName = plain ? "x-" + toolCallId : name(), more = tool(), input = pick(values);
    const encoding = plain ? {} : maybe(9, () => ({ inputEncoding: pick(["json", "text"]) }));
    const all = [{ type: "tool-input-start", toolCallId, toolName, ...more, ...encoding }];
    const said = JSON.stringify(input, null, pick([undefined, 1]));
    for (let at = 0; at < said.length;) {
      const n = 1 + next(12);
      // Not between the halves of a character.
      all.push({ type: "tool-input-delta", toolCallId, inputTextDelta: said.slice(at, at + n) });
      at += n;
    }
    if (!next(3))
      return all.slice(0, 1 + next(all.length));
    all.push({ type: "tool-input-available", toolCallId, toolName, input, ...more });
    if (next(2))
      all.push({ type: "tool-output-available", toolCallId, output: pick(values), ...maybe(4, tool) });
    return all;
  };
  return () => pick([text, text, text, calls, calls, pick(plain ? any.slice(1, 6) : any)])();
}

const unknown = [{ type: "brand-new", x: 1 }, { type: "tool-something-else", toolCallId: "c1" }];

function frame(next, chunk) {
  const end = next(20) ? "\n" : "\r\n";
  const line = `data:${next(20) ? " " : ""}${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}${end}${end}`;
  return (next(20) ? "" : ": ping" + end + end) + (next(20) ? "" : "event: x" + end) + line;
}

// Both: what our reader gets, and the same without what the SDK would stop at.
function make(next, plain) {
  const chunk = maker(next, plain);
  const all = [{ type: "start", messageId: "m1" }, { type: "start-step" }];
  for (let n = next(12); n >= 0; n--)
    all.push(...chunk());
  let ours = "", theirs = "";
  for (const one of next(3) ? [...all, { type: "finish-step" }, { type: "finish", finishReason: "stop" }, "[DONE]"] : all) {
    const text = frame(next, one);
    theirs += text;
    ours += text;
    if (!next(30))
      ours += frame(next, unknown[next(2)]);
  }
  if (!plain && !next(40))
    return { ours: ours + "data: {oops\n\n", theirs: theirs + "data: {oops\n\n" };
  if (next(3) || ours !== theirs)
    return { ours: Buffer.from(ours), theirs: Buffer.from(theirs) };
  const cut = Buffer.from(ours).subarray(0, next(Buffer.byteLength(ours)));
  return { ours: cut, theirs: cut };
}

// ---- both ----

const [, , what, ...args] = process.argv;

async function put(out, line) {
  if (!out.write(line + "\n"))
    await once(out, "drain");
}

if (what === "make") {
  const [seed, count, streams, messages, plain] = args;
  const sdk = await import(versions[6]);
  const next = random(Number(seed));
  const [to, told] = [createWriteStream(streams), createWriteStream(messages)];
  for (let i = 0; i < Number(count); i++) {
    const { ours, theirs } = make(next, plain === "plain");
    const [a, b] = [ours, theirs].map(bytes => Buffer.from(bytes).toString("base64"));
    await put(to, `${next(4) ? 1 + next(1000000) : 0} ${a} ${b}`);
    await put(told, await read(sdk, Buffer.from(theirs)));
  }
  to.end();
  told.end();
}
else if (what === "judge") {
  const sdk = await import(versions[args[0]]);
  for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean))
    console.log(await read(sdk, Buffer.from(line.split(" ")[2], "base64")));
}
