// SPDX-License-Identifier: Apache-2.0
//
// A provider that says what a test tells it, when the test tells it: nothing is
// waited for but events. It speaks Chat Completions.
import http from "node:http";

class Answer {
    constructor(request, body, res) {
        this.request = request;
        this.body = body;
        this.res = res;
        this.gone = new Promise((resolve) => res.on("close", resolve));
    }

    get question() {
        const content = this.body.messages.at(-1).content;
        return typeof content === "string" ? content : content.map((p) => p.text ?? "").join("");
    }

    chunk(delta, more = {}) {
        if (!this.res.headersSent) this.res.writeHead(200, { "Content-Type": "text/event-stream" });
        const event = { id: "c1", object: "chat.completion.chunk", created: 1, model: this.body.model, choices: [{ index: 0, delta, finish_reason: null }], ...more };
        return new Promise((resolve) => this.res.write(`data: ${JSON.stringify(event)}\n\n`, resolve));
    }

    /** A comment: the head has come, and nothing else. */
    begin() {
        if (!this.res.headersSent) this.res.writeHead(200, { "Content-Type": "text/event-stream" });
        return new Promise((resolve) => this.res.write(": begun\n\n", resolve));
    }

    say(text) {
        return this.chunk({ content: text });
    }

    think(text) {
        return this.chunk({ reasoning_content: text });
    }

    call(id, name, args) {
        return this.chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: args } }] });
    }

    async end(text, finish = "stop") {
        if (text !== undefined) await this.say(text);
        const usage = { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46 };
        await this.chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: finish }] });
        await this.chunk({}, { choices: [], usage });
        this.res.end("data: [DONE]\n\n");
    }

    /** Its connection breaks. */
    cut() {
        this.res.destroy();
    }

    fail(status, message = "the test says so", headers = {}) {
        this.res.writeHead(status, { "Content-Type": "application/json", ...headers });
        this.res.end(JSON.stringify({ error: { message, type: "server_error", code: null } }));
    }
}

/** Answers what nobody waits for by `usual`. */
export async function upstream(port, patience, usual = (a) => a.end(`You said: ${a.question}`)) {
    const waiting = [];
    const calls = [];
    const server = http.createServer(async (req, res) => {
        let text = "";
        for await (const piece of req) text += piece;
        if (req.method === "GET") {
            res.writeHead(200, { "Content-Type": "application/json" });
            res.end('{"object":"list","data":[]}');
            return;
        }
        const answer = new Answer(req, JSON.parse(text), res);
        calls.push(answer);
        const at = waiting.findIndex((w) => answer.question.includes(w.text));
        if (at >= 0) waiting.splice(at, 1)[0].resolve(answer);
        else void usual(answer);
    });
    await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
        calls,
        /** The next request whose question has `text` in it is the caller's to answer. */
        expect: (text = "") => new Promise((resolve, reject) => {
            const late = setTimeout(() => reject(new Error(`nobody asked the provider for "${text}"`)), patience);
            waiting.push({ text, resolve: (answer) => (clearTimeout(late), resolve(answer)) });
        }),
        close: () => {
            server.closeAllConnections();
            server.close();
        },
    };
}
