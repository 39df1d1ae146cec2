// SPDX-License-Identifier: Apache-2.0
//
// The official SDKs of Anthropic, Google and OpenAI as clients, for the tests.
// Reads jobs from its standard input, one JSON per line, starts each at once,
// prints one JSON line for each that has ended, and leaves when its input does.
//
//   id        given back with the result
//   api       messages | gemini | completions
//   base      base URL as the SDK of that API wants it
//   params    of the call
//   abort     leave after so many events
//   route     {url, headers, body}: the SDK's request goes to this URL instead,
//             with this body; what comes back is the SDK's to decode
//
// A result has status, headers, events (as decoded), text, usage, finished (the
// loop over the stream came to its end) and error.
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

const headersOf = (job) => ({ "x-job": String(job.id) });

function optionsOf(job) {
    return {
        baseURL: job.base,
        apiKey: "key-of-the-sdk",
        maxRetries: 0,
        timeout: 60000,
        defaultHeaders: headersOf(job),
    };
}

const apis = {
    messages: {
        open: (job, signal) =>
            new Anthropic(optionsOf(job)).messages.create({ stream: true, ...job.params }, { signal }),
        text: (event) => (event.delta?.type === "text_delta" ? event.delta.text : ""),
        usage: (event) => event.message?.usage ?? event.usage,
    },
    gemini: {
        open: (job, signal) =>
            new GoogleGenAI({
                apiKey: "key-of-the-sdk",
                httpOptions: { baseUrl: job.base, apiVersion: "v1beta", headers: headersOf(job) },
            }).models.generateContentStream({
                ...job.params,
                config: { ...job.params.config, abortSignal: signal },
            }),
        text: (event) => event.text ?? "",
        usage: (event) => event.usageMetadata,
    },
    completions: {
        open: (job, signal) =>
            new OpenAI(optionsOf(job)).chat.completions.create({ stream: true, ...job.params }, { signal }),
        text: (event) => event.choices?.[0]?.delta?.content ?? "",
        usage: (event) => event.usage,
    },
};

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
        await stream(job, result);
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
