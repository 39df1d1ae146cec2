// SPDX-License-Identifier: Apache-2.0
//
// The official OpenAI SDK as a client, for the tests. Reads jobs from its
// standard input, one JSON per line, starts each at once, prints one JSON line
// for each that has ended, and leaves when its input does.
//
//   id        given back with the result
//   api       responses | completions
//   how       create (the default): a stream of events, or one object where
//             params say stream: false;
//             helper: the SDK's own accumulator over the stream
//   base      base URL of an OpenAI API
//   params    of the call
//   key       apiKey
//   abort     leave after so many events
//   route     {url, headers, body}: the SDK's request goes to this URL instead,
//             with this body; what comes back is the SDK's to decode
//
// A result has status, headers, events (as decoded), text, usage, whole (the
// final object), finished (the loop over the stream came to its end) and error.
import OpenAI from "openai";
import readline from "node:readline";

function clientOf(job, result) {
    return new OpenAI({
        baseURL: job.base ?? "http://127.0.0.1:9/v1",
        apiKey: job.key ?? "sk-of-the-sdk",
        maxRetries: 0,
        timeout: 60000,
        fetch: async (url, init) => {
            const res = job.route
                ? await fetch(job.route.url, {
                      ...init,
                      headers: job.route.headers,
                      body: JSON.stringify(job.route.body),
                  })
                : await fetch(url, init);
            result.status = res.status;
            result.headers = Object.fromEntries(res.headers);
            return res;
        },
    });
}

function textOf(event) {
    return event.type === undefined
        ? (event.choices?.[0]?.delta?.content ?? "")
        : event.type === "response.output_text.delta"
          ? event.delta
          : "";
}

const resourceOf = (client, api) => (api === "completions" ? client.chat.completions : client.responses);

async function create(client, job, result) {
    const stream = await resourceOf(client, job.api).create({ stream: true, ...job.params });

    if (job.params.stream === false) {
        result.whole = stream;
        return;
    }
    result.events = [];
    result.text = "";
    for await (const event of stream) {
        result.events.push(event);
        result.text += textOf(event);
        result.usage = event.usage ?? event.response?.usage ?? result.usage;
        if (job.abort && result.events.length >= job.abort) stream.controller.abort();
    }
    result.finished = true;
}

async function helper(client, job, result) {
    const stream = resourceOf(client, job.api).stream(job.params);

    if (job.api === "completions") {
        result.whole = await stream.finalChatCompletion();
        result.text = result.whole.choices[0].message.content;
    }
    else {
        result.whole = await stream.finalResponse();
        result.text = result.whole.output
            .filter((item) => item.type === "message")
            .flatMap((item) => item.content.map((part) => part.text))
            .join("");
    }
    result.usage = result.whole.usage;
    result.finished = true;
}

async function run(job) {
    const result = { id: job.id, finished: false };

    try {
        await (job.how === "helper" ? helper : create)(clientOf(job, result), job, result);
    }
    catch (error) {
        result.error = {
            name: error.constructor.name,
            status: error.status ?? null,
            code: error.code ?? null,
            type: error.type ?? null,
            message: error.message,
            cause: error.cause?.message ?? null,
        };
    }
    process.stdout.write(JSON.stringify(result) + "\n");
}

for await (const line of readline.createInterface({ input: process.stdin })) run(JSON.parse(line));
