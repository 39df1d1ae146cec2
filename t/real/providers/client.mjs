// SPDX-License-Identifier: Apache-2.0
//
// The official SDKs of Anthropic, Google and OpenAI as clients, for the tests.
// Reads jobs from its standard input, one JSON per line, starts each at once,
// prints one JSON line for each that has ended, and leaves when its input does.
//
//   id        given back with the result
//   api       messages | gemini | completions | responses
//   how       stream (the default); whole: without streaming;
//             helper: Anthropic's accumulator over the stream
//   base      base URL as the SDK of that API wants it
//   params    of the call
//   key       of the SDK
//   headers   of every request
//   abort     leave after so many events
//   route     {url, headers, body}: the SDK's request goes to this URL instead,
//             with this body; what comes back is the SDK's to decode
//
// A result has status, headers, events (as decoded), text, usage, whole (the
// object, unless how is stream), calls (of tools in it: [{name, arguments}]),
// finished (all of the answer is here) and error.
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import readline from "node:readline";

// Not every SDK takes a fetch of ours, but all of them use the global one.
const running = new Map();
const fetchIt = globalThis.fetch;

globalThis.fetch = async (url, init) => {
    const headers = new Headers(init?.headers);
    const { job, result } = running.get(headers.get("x-job"));

    headers.delete("x-job");
    const res = job.route
        ? await fetchIt(job.route.url, {
              ...init,
              headers: job.route.headers,
              body: JSON.stringify(job.route.body),
          })
        : await fetchIt(url, { ...init, headers });
    result.status = res.status;
    result.headers = Object.fromEntries(res.headers);
    return res;
};

const headersOf = (job) => ({ ...job.headers, "x-job": String(job.id) });
const keyOf = (job) => job.key ?? "key-of-the-sdk";

function optionsOf(job) {
    return {
        baseURL: job.base,
        apiKey: keyOf(job),
        maxRetries: 0,
        timeout: 60000,
        defaultHeaders: headersOf(job),
    };
}

const anthropicOf = (job) => new Anthropic(optionsOf(job)).messages;
const openaiOf = (job) => new OpenAI(optionsOf(job));
const geminiOf = (job) =>
    new GoogleGenAI({
        apiKey: keyOf(job),
        httpOptions: { baseUrl: job.base, apiVersion: "v1beta", headers: headersOf(job) },
    }).models;
const geminiParams = (job, signal) => ({
    ...job.params,
    config: { ...job.params.config, abortSignal: signal },
});

const apis = {
    messages: {
        open: (job, signal) => anthropicOf(job).create({ stream: true, ...job.params }, { signal }),
        text: (event) => (event.delta?.type === "text_delta" ? event.delta.text : ""),
        usage: (event) => event.message?.usage ?? event.usage,
        whole: (job) => anthropicOf(job).create({ ...job.params, stream: false }),
        helper: (job) => anthropicOf(job).stream(job.params).finalMessage(),
        wholeText: (whole) => whole.content.map((block) => block.text ?? "").join(""),
        calls: (whole) =>
            whole.content
                .filter((block) => block.type === "tool_use")
                .map((block) => ({ name: block.name, arguments: block.input })),
    },
    gemini: {
        open: (job, signal) => geminiOf(job).generateContentStream(geminiParams(job, signal)),
        text: (event) => event.text ?? "",
        usage: (event) => event.usageMetadata,
        whole: (job) => geminiOf(job).generateContent(geminiParams(job)),
        // Its own getter warns of all that is no text.
        wholeText: (whole) =>
            (whole.candidates?.[0]?.content?.parts ?? [])
                .filter((part) => !part.thought)
                .map((part) => part.text ?? "")
                .join(""),
        calls: (whole) => (whole.functionCalls ?? []).map((call) => ({ name: call.name, arguments: call.args })),
    },
    completions: {
        open: (job, signal) =>
            openaiOf(job).chat.completions.create({ stream: true, ...job.params }, { signal }),
        text: (event) => event.choices?.[0]?.delta?.content ?? "",
        usage: (event) => event.usage,
        whole: (job) => openaiOf(job).chat.completions.create({ ...job.params, stream: false }),
        wholeText: (whole) => whole.choices[0].message.content ?? "",
        calls: (whole) =>
            (whole.choices[0].message.tool_calls ?? []).map((call) => ({
                name: call.function.name,
                arguments: JSON.parse(call.function.arguments),
            })),
    },
    responses: {
        open: (job, signal) => openaiOf(job).responses.create({ stream: true, ...job.params }, { signal }),
        text: (event) => (event.type === "response.output_text.delta" ? event.delta : ""),
        usage: (event) => event.response?.usage,
        whole: (job) => openaiOf(job).responses.create({ ...job.params, stream: false }),
        wholeText: (whole) => whole.output_text,
        calls: (whole) =>
            whole.output
                .filter((item) => item.type === "function_call")
                .map((item) => ({ name: item.name, arguments: JSON.parse(item.arguments) })),
    },
};

async function whole(job, result) {
    const api = apis[job.api];
    const answer = await api[job.how](job);
    const { sdkHttpResponse, ...plain } = answer;

    result.whole = plain;
    result.text = api.wholeText(answer);
    result.calls = api.calls(answer);
    result.usage = api.usage(answer) ?? answer.usage;
    result.finished = true;
}

async function stream(job, result) {
    const api = apis[job.api];
    const leave = new AbortController();

    result.events = [];
    result.text = "";
    for await (const event of await api.open(job, leave.signal)) {
        // The SDK's own view of the answer's head tells of this connection.
        const { sdkHttpResponse, ...plain } = event;

        result.events.push(plain);
        result.text += api.text(event);
        result.usage = { ...result.usage, ...api.usage(event) };
        if (job.abort && result.events.length >= job.abort) leave.abort();
    }
    result.finished = true;
}

async function run(job) {
    const result = { id: job.id, finished: false };

    running.set(String(job.id), { job, result });
    try {
        await (job.how && job.how !== "stream" ? whole : stream)(job, result);
    }
    catch (error) {
        result.error = {
            name: error.constructor.name,
            status: error.status ?? null,
            type: error.error?.error?.type ?? error.type ?? null,
            code: error.code ?? null,
            message: error.message,
        };
    }
    running.delete(String(job.id));
    process.stdout.write(JSON.stringify(result) + "\n");
}

for await (const line of readline.createInterface({ input: process.stdin })) run(JSON.parse(line));
