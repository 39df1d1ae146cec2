// SPDX-License-Identifier: Apache-2.0
//
// A client that asks, loses its connection and comes back, again and again, as
// one does that has fetch and eventsource-parser and no EventSource: it names the
// last event that it had, until a 204 says that there is no more. Reads jobs as
// client.mjs does.
//
//   id        given back with the result
//   base path body headers   of the question
//   query     of each request
//   stream    path below which streams are followed
//
// A result has heard (the events, as a server writes them), streamId, statuses
// (of each request; one that is refused with a 503 is sent again) and error.
import { createParser } from "eventsource-parser";
import readline from "node:readline";

async function take(response, result) {
    const parser = createParser({
        onEvent({ event, id, data }) {
            result.heard += `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
            result.last = id;
            if (event === "start") result.streamId = JSON.parse(data).streamId;
        },
    });
    const decoder = new TextDecoder("utf-8", { fatal: true });

    try {
        for await (const bytes of response.body) parser.feed(decoder.decode(bytes, { stream: true }));
    }
    catch {
        // The connection is lost. Whether it has ended well is known by the 204.
    }
}

// A server whose database is busy says so, and nothing has happened.
async function send(url, options, result) {
    for (;;) {
        const response = await fetch(url, options);

        if (response.status !== 503) {
            result.statuses.push(response.status);
            return response;
        }
        await response.text();
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
}

async function ask(job, result) {
    const response = await send(`${job.base}${job.path}?${job.query}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...job.headers },
        body: JSON.stringify(job.body),
    }, result);

    await take(response, result);
}

async function comeBack(job, result) {
    const response = await send(`${job.base}${job.stream}/${result.streamId}?${job.query}`, {
        headers: { "Last-Event-ID": result.last, Accept: "text/event-stream", ...job.headers },
    }, result);

    if (response.status !== 200) return false;
    await take(response, result);
    return true;
}

async function run(job) {
    const result = { id: job.id, heard: "", last: null, streamId: null, statuses: [] };

    try {
        await ask(job, result);
        while (await comeBack(job, result));
    }
    catch (error) {
        result.error = { name: error.name, message: error.message, cause: error.cause?.message ?? null };
    }
    process.stdout.write(JSON.stringify(result) + "\n");
}

for await (const line of readline.createInterface({ input: process.stdin })) run(JSON.parse(line));
