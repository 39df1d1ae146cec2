// SPDX-License-Identifier: Apache-2.0
//
// The official OpenAI SDK as a client, for the tests. Reads jobs from its
// standard input, one JSON per line, starts each at once, prints one JSON line
// for each that has ended, and leaves when its input does.
//
//   id        given back with the result
//   api       responses | completions | models (the list, its pages joined)
//   how       create (the default): a stream of events, or one object where
//             params say stream: false;
//             helper: the SDK's own accumulator over the stream;
//             parse: its parse(), for a JSON schema, without streaming
//             (with helper the answer is parsed, too);
//             tools: chat.completions.runTools: the tools of params are called
//             as the model asks and give what gives has under their names,
//             until the model says text
//   base      base URL of an OpenAI API
//   params    of the call
//   gives     {name of a tool: what it gives}
//   key       apiKey
//   headers   of every request
//   retries   how often the SDK tries again (0)
//   abort     leave after so many events
//   route     {url, headers, body}: the SDK's request goes to this URL instead,
//             with this body; what comes back is the SDK's to decode
//
// A result has requests (how many), status and headers (of the last), events (as
// decoded), text, usage, whole (the final object), parsed (of a schema), calls
// (of tools: [{name, arguments}]), messages (of the conversation with tools),
// finished (the loop over the stream came to its end) and error.
import OpenAI from "openai";
import { makeParseableResponseFormat } from "openai/lib/parser";
import readline from "node:readline";

function clientOf(job, result) {
    return new OpenAI({
        baseURL: job.base ?? "http://127.0.0.1:9/v1",
        apiKey: job.key ?? "sk-of-the-sdk",
        maxRetries: job.retries ?? 0,
        timeout: 60000,
        defaultHeaders: job.headers,
        fetch: async (url, init) => {
            result.requests++;
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
        result.usage = stream.usage;
        result.text = job.api === "completions" ? stream.choices[0].message.content : stream.output_text;
        result.finished = true;
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

// As the SDK's own zodResponseFormat() does it, so that streams are parsed, too.
function parseable(params) {
    return params.response_format?.type === "json_schema"
        ? { ...params, response_format: makeParseableResponseFormat(params.response_format, JSON.parse) }
        : params;
}

async function helper(client, job, result) {
    const stream = resourceOf(client, job.api).stream(parseable(job.params));

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

async function parse(client, job, result) {
    result.whole = await resourceOf(client, job.api).parse(job.params);
    result.usage = result.whole.usage;
    result.text = job.api === "completions" ? result.whole.choices[0].message.content : result.whole.output_text;
    result.finished = true;
}

function runnable(tool, job, result) {
    const { name } = tool.function;

    return {
        type: "function",
        function: {
            ...tool.function,
            parse: JSON.parse,
            function: (given) => {
                result.calls.push({ name, arguments: given });
                return JSON.stringify(job.gives?.[name] ?? null);
            },
        },
    };
}

async function tools(client, job, result) {
    result.calls = [];
    const runner = client.chat.completions.runTools({
        ...job.params,
        tools: job.params.tools.map((tool) => runnable(tool, job, result)),
    });

    result.text = await runner.finalContent();
    result.whole = await runner.finalChatCompletion();
    result.usage = await runner.totalUsage();
    result.messages = runner.messages;
    result.finished = true;
}

async function models(client, job, result) {
    result.whole = [];
    for await (const model of client.models.list()) result.whole.push(model);
    result.finished = true;
}

const ways = { create, helper, parse, tools };

async function run(job) {
    const result = { id: job.id, requests: 0, finished: false };

    try {
        const way = job.api === "models" ? models : ways[job.how ?? "create"];

        await way(clientOf(job, result), job, result);
        result.parsed = result.whole?.choices?.[0]?.message?.parsed ?? result.whole?.output_parsed ?? undefined;
    }
    catch (error) {
        result.error = {
            name: error.constructor.name,
            status: error.status ?? null,
            code: error.code ?? null,
            type: error.type ?? null,
            param: error.param ?? null,
            message: error.message,
            cause: error.cause?.message ?? null,
        };
    }
    process.stdout.write(JSON.stringify(result) + "\n");
}

for await (const line of readline.createInterface({ input: process.stdin })) run(JSON.parse(line));
