// SPDX-License-Identifier: Apache-2.0
//
// Asking, following and stopping: one answer runs in this page at a time.
import { batch } from "@preact/signals";
import { api, ApiError, type Message, type Part } from "./api";
import { conversation, has, me, narrow, signOff } from "./app";
import { cache } from "./cache";
import { apart, foretell, mark, refreshConversation, touchConversation } from "./conversations";
import { hear } from "./hear";
import { uuid } from "./ids";
import { type Attached, keepDraft, keepPending, type Pending, pendingOf } from "./keep";
import { go } from "./route";
import { AnswerStream, type StreamEvent } from "./stream";
import { tell } from "./tabs";
import {
    blank, busy, clear, conversationId, keep, load, messages, missing, move, notice, older, patchMessage, phase, refuse, reload, showKept, stage, temporary, textOf,
} from "./thread";

class Run {
    readonly stream: AnswerStream;
    streamId: string | undefined;
    /** Whether somebody else asked, and this page only reads along. */
    follows = false;
    /** It was to stop before it was known under which id it runs. */
    stops = false;
    private begin!: (begun: boolean) => void;
    /** Whether the answer began: a refusal before that leaves the draft where it is. */
    readonly begun = new Promise<boolean>((resolve) => (this.begin = resolve));
    failure: ApiError | null = null;

    constructor(readonly conversation: string | null) {
        this.stream = new AnswerStream({
            event: (e) => this === running && this.event(e),
            lost: () => this === running && move("reconnecting"),
        });
    }

    private event(e: StreamEvent): void {
        if (e.type === "error") this.begin(true);
        hear(e);
        if (e.type !== "start") return;
        this.streamId = e.streamId;
        if (this.conversation) touchConversation(this.conversation, e.streamId && e.messageId ? { id: e.streamId, messageId: e.messageId } : null);
        this.begin(true);
        if (this.stops) void stopRun(this);
    }

    /** Waits for its end; what the database has then is what counts. */
    async wait(answer: Promise<void>): Promise<void> {
        try {
            await answer;
        } catch (e) {
            if (!(e instanceof ApiError)) throw e;
            this.failure = e;
        }
        this.begin(this.failure === null);
        if (this !== running) return;
        if (await this.begun) await this.end();
        if (this !== running) return;
        running = null;
        stage.value = "";
        move("idle");
        keep();
    }

    private async end(): Promise<void> {
        const last = messages.value.at(-1);
        // The connection is lost for good: what came stays, and may be looked for later.
        if (this.failure && last?.status === "streaming") {
            patchMessage(last.id, { status: last.parts.length ? "partial" : "failed", error: { code: this.failure.code, message: this.failure.message } });
            if (this.failure.status === 401) signOff(this.failure);
        }
        if (!this.conversation) return;
        if (!this.failure) await settle(this.conversation);
        tell({ what: "messages", id: this.conversation });
        if (document.hidden) mark(this.conversation, true);
    }
}

let running: Run | null = null;

/** Leaves the answer that runs to the server. */
export function leave(): void {
    if (!running) return;
    keep();
    running.stream.leave();
    running = null;
    stage.value = "";
    move("idle");
}

/** Begins another conversation, with nothing of the one that is shown. */
export function begin(isTemporary = false): void {
    leave();
    if (conversationId.value === null && !temporary.value) cache.drop("messages.guest");
    temporary.value = isTemporary;
    clear(null);
    go(null);
    if (!narrow.matches) document.getElementById("composer")?.focus();
}

export async function open(id: string | null): Promise<void> {
    if (id === conversationId.value && (id === null || messages.value.length)) return;
    leave();
    clear(id);
    temporary.value = false;
    if (!id) return;
    mark(id, false);
    void showKept(id);
    if (!(await load(id))) return;
    if (!conversation.value) void api.conversation(id).then((c) => (apart.value = c), () => undefined);
    await followLast(id);
}

/** After a reload, or when another tab or device has asked. */
async function followLast(id: string): Promise<void> {
    if (messages.value.at(-1)?.status !== "streaming" || busy.value || document.hidden) return;
    const conversation = await refreshConversation(id);
    const last = messages.value.at(-1);
    if (!last || conversationId.value !== id || busy.value) return;
    if (conversation?.stream) await follow(id, conversation.stream.id);
    else await load(id);
}

/** Reads an answer from its beginning, as long as it is written. */
async function follow(id: string, streamId: string): Promise<void> {
    const last = messages.value.at(-1)!;
    patchMessage(last.id, { parts: [], status: "streaming", error: null, heard: { key: last.heard?.key ?? last.id } });
    const run = (running = new Run(id));
    run.follows = true;
    run.streamId = streamId;
    move("waiting");
    await run.wait(run.stream.follow(streamId));
}

/** Looks again at what is shown: what other tabs and devices did to it. */
export async function lookAgain(): Promise<void> {
    const id = conversationId.value;
    if (!id || busy.value || missing.value?.status === 404) return;
    if (await reload(id)) await followLast(id);
}

/** Where an answer is read that somebody else asked for, a hidden tab gives its connection back. */
export function restWhileHidden(): void {
    if (!running?.follows) return;
    leave();
}

/** The last two messages, as they were kept; all of them where others were said meanwhile. */
async function settle(id: string): Promise<void> {
    const page = await api.messages(id, { limit: 2 }).catch(() => null);
    if (page && conversationId.value === id) {
        const shown = messages.value;
        const fits = page.data.every((p, i) => p.id === shown[shown.length - page.data.length + i]?.id);
        if (!fits) await reload(id);
        else messages.value = shown.map((m) => {
            const p = page.data.find((other) => other.id === m.id);
            return p ? { ...p, ...(m.heard && { heard: m.heard }) } : m;
        });
    }
    await refreshConversation(id);
}

export interface Question {
    text: string;
    files?: Attached[];
    model?: string | undefined;
    system?: string;
    /** It becomes another version of what follows that message; null: of the first one. */
    parentId?: string | null;
    /** Whose draft it was. */
    draft: string;
}

/** The page says what is waited for, and what a conversation is called; it draws no more often than every 16 ms. */
const TOLD = { events: ["status", "conversation"], coalesce: 20 };

/** What nobody keeps is told whole each time. */
export const isKept = (): boolean => Boolean(me.value?.id) && has("conversations") && !temporary.value;

/** As many of the last messages as the server takes. */
function told(list: Message[]): { role: string; content: string }[] {
    const { requestMessages = 50, totalLength = 200000, answerLength = 4000 } = me.value?.clamps ?? {};
    const all = list.map((m) => ({ role: m.role, content: m.role === "assistant" ? textOf(m).slice(0, answerLength) : textOf(m) })).filter((m) => m.content);
    let length = 0;
    let from = all.length;
    while (from > 0 && all.length - from < requestMessages && (length += all[from - 1]!.content.length) <= totalLength) from--;
    // A conversation begins with a question.
    while (from < all.length - 1 && all[from]!.role !== "user") from++;
    return all.slice(from);
}

const partsOf = (q: Question): Part[] => [
    ...(q.files ?? []).map((f): Part => ({ type: "file", uploadId: f.id, name: f.name, mediaType: f.mediaType, size: f.size })),
    ...(q.text ? [{ type: "text" as const, text: q.text }] : []),
];

const saidParts = (parts: Part[]) => parts.map((p) => (p.type === "file" ? { type: "file", uploadId: p.uploadId } : p));

/** What was asked before and may have arrived is asked under the same ids. */
function ids(q: Question, conversation: string | null, parent: string | null): Pending {
    const had = pendingOf();
    if (had && had.draft === q.draft && had.text === q.text && had.parent === parent && (conversation === null || had.conversation === conversation)) return had;
    return { conversation: conversation ?? uuid(), question: uuid(), parent, text: q.text, draft: q.draft };
}

/** Asks; false when it was refused, and the draft is to stay. */
export async function send(q: Question): Promise<boolean> {
    if (busy.value) return false;
    const kept = isKept();
    const had = { messages: messages.value, id: conversationId.value };
    const parent = q.parentId === undefined ? (had.messages.at(-1)?.id ?? null) : q.parentId;
    const pending = ids(q, had.id, parent);
    const id = kept ? pending.conversation : null;
    const above = q.parentId === undefined ? had.messages : had.messages.slice(0, had.messages.findIndex((m) => m.id === parent) + 1);
    const parts = partsOf(q);
    const question = blank("user", pending.question, parent, parts, "complete");
    const body: Record<string, unknown> = kept
        ? {
            conversationId: id, id: question.id, ...(q.parentId !== undefined && { parentId: parent }), onLeave: "finish", ...TOLD,
            messages: [{ role: "user", ...(q.files?.length ? { parts: saidParts(parts) } : { content: q.text }) }],
        }
        : { messages: told([...above, question]), ...TOLD };
    if (q.model) body.model = q.model;
    if (q.system && !had.messages.length) body.system = q.system;
    if (kept) keepPending(pending);
    const asked = q.model ? { heard: { asked: q.model } } : {};
    const answer = { ...blank("assistant", uuid(), question.id, [], "streaming"), ...asked };
    return ask(id, [...above, question, answer], "/chat/stream", body, () => {
        messages.value = had.messages;
        conversationId.value = had.id;
    });
}

/** Has an answer made anew, beside the one that is there. */
export async function again(answer: Message, model?: string): Promise<boolean> {
    if (busy.value) return false;
    const id = conversationId.value;
    const had = messages.value;
    const above = had.slice(0, had.findIndex((m) => m.id === answer.id));
    const siblings = id ? answer.siblings + 1 : 1;
    const fresh = { ...blank("assistant", uuid(), answer.parentId, [], "streaming"), siblings, siblingIndex: siblings, ...(model && { heard: { asked: model } }) };
    const path = id ? `/conversations/${id}/messages/${answer.id}/regenerate` : "/chat/stream";
    const body = { ...TOLD, ...(id ? { onLeave: "finish" } : { messages: told(above) }), ...(model && { model }) };
    return ask(id, [...above, fresh], path, body, () => (messages.value = had));
}

async function ask(id: string | null, shown: Message[], path: string, body: unknown, undo: () => void): Promise<boolean> {
    batch(() => {
        conversationId.value = id;
        notice.value = null;
        messages.value = shown;
        if (id === null) older.value = null;
        move("sending");
    });
    const takeBack = id ? foretell(id, textOf(shown.at(-2)!).slice(0, 60)) : () => undefined;
    const run = (running = new Run(id));
    void run.wait(run.stream.ask(path, body));
    if (await run.begun) {
        keepPending(null);
        return true;
    }
    return refused(run, id, () => (takeBack(), undo()));
}

/** It did not begin; what the server may have kept of it all the same is shown. */
async function refused(run: Run, id: string | null, undo: () => void): Promise<boolean> {
    const e = run.failure;
    if (conversationId.value !== id || !e) return false;
    const stream = e.code === "already_exists" ? (e.body.streamId as string | undefined) : undefined;
    // It had arrived before, and its answer is written or was.
    if (id && (stream || e.code === "already_exists" || e.code.startsWith("upstream_"))) {
        running = null;
        move("idle");
        const question = pendingOf()?.question;
        if (await load(id)) {
            if (stream && messages.value.at(-1)?.status === "streaming") void follow(id, stream);
            if (!question || messages.value.some((m) => m.id === question)) {
                keepPending(null);
                if (e.retryAfter !== null) refuse(new ApiError(429, e.code, e.message, null, e.retryAfter));
                void refreshConversation(id);
                return true;
            }
        }
    }
    if (conversationId.value === id) undo();
    if (e.status !== 0) keepPending(null);
    if (e.status === 401) signOff(e);
    else refuse(e);
    return false;
}

/** After a reload: whether what was being asked then had arrived; its draft goes if it had. */
export async function resolvePending(): Promise<string | null> {
    const p = pendingOf();
    if (!p) return null;
    try {
        const page = await api.messages(p.conversation, { branch: "all", limit: 100 });
        keepPending(null);
        if (!page.data.some((m) => m.id === p.question)) return null;
        keepDraft(p.draft, { text: "" });
        tell({ what: "sent", draft: p.draft, text: p.text });
        return p.conversation;
    } catch (e) {
        // Where there is no such conversation nothing has arrived; otherwise it is asked again later.
        if (e instanceof ApiError && e.status === 404) keepPending(null);
        return null;
    }
}

/** Goes on reading an answer whose connection was lost for good. */
export async function resume(): Promise<void> {
    const id = conversationId.value;
    if (!id || busy.value) return;
    notice.value = null;
    const conversation = await refreshConversation(id);
    if (conversationId.value !== id || busy.value) return;
    if (conversation?.stream && messages.value.at(-1)?.role === "assistant") await follow(id, conversation.stream.id);
    else await reload(id);
}

async function stopRun(run: Run): Promise<void> {
    move("stopping");
    await api.stop(run.streamId!, run.stream.seen).catch(() => running === run && move("writing"));
}

/** Ends the answer for everybody; what there is of it stays. */
export async function stop(): Promise<void> {
    const run = running;
    if (!run || phase.value === "stopping") return;
    if (run.streamId) return stopRun(run);
    // One that is kept goes on at the server when nobody listens: it is stopped as soon as it has a name.
    if (run.conversation) {
        run.stops = true;
        return move("stopping");
    }
    const last = messages.value.at(-1);
    leave();
    if (last?.status === "streaming") patchMessage(last.id, { status: "cancelled" });
    keep();
}

/** Ends what runs in this conversation in another tab, or on another device. */
export async function stopElsewhere(): Promise<void> {
    const id = conversationId.value;
    const conversation = id && (await refreshConversation(id));
    if (conversation && conversation.stream) await api.stop(conversation.stream.id).catch(() => undefined);
    notice.value = null;
    if (id) await reload(id);
}
