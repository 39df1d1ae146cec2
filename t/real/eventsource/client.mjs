// SPDX-License-Identifier: Apache-2.0
//
// What a page does to read an event stream that it POSTs for, without a
// browser: fetch, its reader, and eventsource-parser. Reads jobs from its
// standard input, one JSON per line, starts each at once, prints one JSON line
// for each that has ended, and leaves when its input does.
//
//   id        given back with the result
//   base      of the URL, where path is none
//   path      appended to base
//   body      is sent as JSON
//   headers   of the request, besides the content type
//   abort     leave after so many events
//
// A result has status, headers, events ([{event, id, data}], data decoded where
// it is JSON), comments (how many), text (what stream, message and completions
// call so, put together), json (of an answer that is no stream), finished (the
// body came to its end) and error.
import { createParser } from "eventsource-parser";
import readline from "node:readline";

function decoded(data) {
    try {
        return JSON.parse(data);
    }
    catch {
        return data;
    }
}

function textOf(data) {
    return data.type === "text" ? data.text : (data.chunk ?? data.choices?.[0]?.delta?.content ?? "");
}

async function readEvents(response, job, result, leave) {
    const parser = createParser({
        onEvent({ event, id, data }) {
            const value = decoded(data);

            result.events.push({ event: event ?? null, id: id ?? null, data: value });
            result.text += textOf(value);
            if (result.events.length === job.abort) leave.abort();
        },
        onComment: () => result.comments++,
        onError: (error) => {
            throw error;
        },
    });
    const decoder = new TextDecoder("utf-8", { fatal: true });

    for await (const bytes of response.body) parser.feed(decoder.decode(bytes, { stream: true }));
}

async function post(job, result) {
    const leave = new AbortController();
    const response = await fetch((job.base ?? "") + (job.path ?? ""), {
        method: "POST",
        headers: { "Content-Type": "application/json", ...job.headers },
        body: JSON.stringify(job.body),
        signal: leave.signal,
    });

    result.status = response.status;
    result.headers = Object.fromEntries(response.headers);
    if (result.headers["content-type"]?.startsWith("text/event-stream"))
        await readEvents(response, job, result, leave);
    else
        result.json = decoded(await response.text());
    result.finished = true;
}

async function run(job) {
    const result = { id: job.id, events: [], comments: 0, text: "", finished: false };

    try {
        await post(job, result);
    }
    catch (error) {
        result.error = { name: error.name, message: error.message, cause: error.cause?.message ?? null };
    }
    process.stdout.write(JSON.stringify(result) + "\n");
}

for await (const line of readline.createInterface({ input: process.stdin })) run(JSON.parse(line));
