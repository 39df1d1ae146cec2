// SPDX-License-Identifier: Apache-2.0
//
// An answer as it is streamed. A connection that breaks is made anew behind the
// last event that came, so that what is heard is the answer, once and in order.
import { ApiError, call, type LimitLeft, type Usage } from "./api";
import { EventParser } from "./events";

export type StreamEvent =
    | { type: "start"; id: string; model: string; provider: string; conversationId?: string; userMessageId?: string; messageId?: string; streamId?: string; limits?: LimitLeft[] }
    | { type: "status"; stage: string; provider?: string; attempt?: number }
    | { type: "conversation"; title: string | null; revision: number }
    | { type: "text" | "reasoning" | "refusal"; text: string }
    | { type: "tool_call"; index: number; callId: string; name: string }
    | { type: "tool_arguments"; index: number; text: string }
    | { type: "reasoning_detail"; detail: unknown }
    | { type: "done"; finishReason: string; model: string; usage: Usage; limits?: LimitLeft[] }
    | { type: "error"; code: string; message: string; retryAfter?: number; models?: string[] };

export interface Hearer {
    event(event: StreamEvent): void;
    /** The connection broke, and is being made anew. */
    lost(): void;
}

const PAUSES = [0, 500, 1000, 2000, 4000, 8000, 15000];

/** Waits so long, or until the browser is online again where it is not. */
const pause = (ms: number): Promise<void> =>
    new Promise((go) => {
        if (navigator.onLine) setTimeout(go, ms);
        else addEventListener("online", () => go(), { once: true });
    });

/** Resolves when the answer has ended, or its message must be loaded; rejects when it could not begin. */
export class AnswerStream {
    private lastId = "";
    private streamId: string | undefined;
    private over = false;
    private readonly abort = new AbortController();

    constructor(private readonly hearer: Hearer) {}

    get seen(): number {
        return Number(this.lastId) || 0;
    }

    /** Leaves the stream; it is not stopped by that where it may be finished. */
    leave(): void {
        this.over = true;
        this.abort.abort();
    }

    async ask(path: string, body: unknown): Promise<void> {
        const res = await call("POST", path, body, { signal: this.abort.signal });
        await this.readOn(res);
    }

    async follow(streamId: string, after = 0): Promise<void> {
        this.streamId = streamId;
        this.lastId = after ? String(after) : "";
        await this.readOn(await this.resume());
    }

    private resume(): Promise<Response> {
        const headers: Record<string, string> = this.lastId ? { "Last-Event-ID": this.lastId } : {};
        return call("GET", `/chat/stream/${this.streamId}`, undefined, { headers, signal: this.abort.signal });
    }

    private async readOn(res: Response | undefined): Promise<void> {
        for (let tries = 0; !this.over; ) {
            const before = this.lastId;
            if (res?.status === 204) return;
            if (res) await this.read(res).catch(() => undefined);
            if (this.over) return;
            if (!this.streamId) throw new ApiError(0, "cut", "");
            if (this.lastId !== before) tries = 0;
            if (tries >= PAUSES.length) throw new ApiError(0, "cut", "");
            this.hearer.lost();
            await pause(PAUSES[tries++]!);
            if (this.over) return;
            res = await this.resume().catch((e: unknown) => {
                if (e instanceof ApiError && (e.status === 0 || e.status === 503 || e.status === 429)) return undefined;
                throw e;
            });
        }
    }

    private async read(res: Response): Promise<void> {
        const parser = new EventParser();
        const reader = res.body!.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            for (const event of parser.feed(value)) this.take(event.id, event.data);
            if (this.over) return void reader.cancel();
        }
    }

    private take(id: string, data: string): void {
        if (this.over) return;
        if (id) this.lastId = id;
        const event = JSON.parse(data) as StreamEvent;
        if (event.type === "start" && event.streamId) this.streamId = event.streamId;
        if (event.type === "done" || event.type === "error") this.over = true;
        this.hearer.event(event);
    }
}
