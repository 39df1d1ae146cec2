// SPDX-License-Identifier: Apache-2.0
//
// The conversation that is shown: its branch of messages, the answer that runs,
// and what one does with them. State is signals; components only read them.
import { batch, computed, signal } from "@preact/signals";
import { api, ApiError, type Message, type Part } from "./api";
import { uuid } from "./ids";
import { type Hearer, type StreamEvent, AnswerStream } from "./stream";
import { touchConversation, refreshConversation } from "./conversations";
import { announce } from "./announce";

export interface Notice {
    kind: "limit" | "error" | "busy";
    error: ApiError;
    /** When one may try again, in milliseconds since 1970. */
    until?: number;
}

export type Phase = "idle" | "sending" | "waiting" | "reasoning" | "writing" | "reconnecting" | "stopping";

export const conversationId = signal<string | null>(null);
export const messages = signal<Message[]>([]);
export const older = signal<string | null>(null);
export const loading = signal(false);
export const missing = signal<ApiError | null>(null);
export const phase = signal<Phase>("idle");
export const phaseSince = signal(0);
export const notice = signal<Notice | null>(null);
export const busy = computed(() => phase.value !== "idle");
/** Grows when the answer that runs has new text: what draws it need not look at all messages. */
export const pulse = signal(0);

let running: { stream: AnswerStream; conversation: string; streamId?: string } | null = null;

function move(to: Phase): void {
    if (phase.value === to) return;
    phase.value = to;
    phaseSince.value = Date.now();
}

// ---- opening ----

export async function open(id: string | null): Promise<void> {
    if (id === conversationId.value && (id === null || messages.value.length)) return;
    leave();
    batch(() => {
        conversationId.value = id;
        messages.value = [];
        older.value = null;
        missing.value = null;
        notice.value = null;
        loading.value = id !== null;
    });
    if (id) await load(id);
}

/** Leaves the answer that runs to the server. */
export function leave(): void {
    running?.stream.leave();
    running = null;
    move("idle");
}

async function load(id: string): Promise<void> {
    try {
        const page = await api.messages(id, { limit: 30 });
        if (conversationId.value !== id) return;
        batch(() => {
            messages.value = page.data;
            older.value = page.nextCursor;
            loading.value = false;
        });
        const last = page.data.at(-1);
        if (last?.status === "streaming") await followRunning(id);
    } catch (e) {
        if (conversationId.value !== id || !(e instanceof ApiError)) return;
        loading.value = false;
        missing.value = e;
    }
}

export async function loadOlder(): Promise<void> {
    const id = conversationId.value;
    const before = older.value;
    if (!id || !before) return;
    older.value = null;
    const page = await api.messages(id, { before, limit: 50 });
    if (conversationId.value !== id) return;
    batch(() => {
        messages.value = [...page.data, ...messages.value];
        older.value = page.nextCursor;
    });
}

/** After a reload, or an answer that another tab asked for. */
async function followRunning(id: string): Promise<void> {
    const conversation = await refreshConversation(id);
    const last = messages.value.at(-1);
    if (!conversation?.stream || !last) return load(id);
    patchMessage(last.id, { parts: [] });
    move("waiting");
    const stream = new AnswerStream(hearer(id));
    running = { stream, conversation: id, streamId: conversation.stream.id };
    await run(id, stream.follow(conversation.stream.id));
}

// ---- asking ----

interface Question {
    text: string;
    model?: string;
    system?: string;
    parentId?: string | null;
}

function blank(role: Message["role"], id: string, parentId: string | null, parts: Part[], status: Message["status"]): Message {
    return { id, parentId, role, status, parts, siblings: 1, siblingIndex: 1, createdAt: new Date().toISOString() };
}

/** Asks; false when it was refused, and the draft is to stay. */
export async function send(q: Question): Promise<boolean> {
    if (busy.value) return false;
    const fresh = conversationId.value === null;
    const id = conversationId.value ?? uuid();
    const mine = uuid();
    const parent = q.parentId !== undefined ? q.parentId : (messages.value.at(-1)?.id ?? null);
    const before = messages.value;
    const kept = q.parentId === undefined ? before : before.slice(0, before.findIndex((m) => m.id === q.parentId) + 1);
    batch(() => {
        conversationId.value = id;
        notice.value = null;
        messages.value = [...kept, blank("user", mine, parent, [{ type: "text", text: q.text }], "complete"), blank("assistant", "", mine, [], "streaming")];
        move("sending");
    });
    const body: Record<string, unknown> = { conversationId: id, id: mine, messages: [{ role: "user", content: q.text }] };
    if (q.parentId !== undefined) body.parentId = q.parentId;
    if (q.model) body.model = q.model;
    if (q.system && fresh) body.system = q.system;
    return start(id, "/chat/stream", body, () => {
        messages.value = before;
        if (fresh) conversationId.value = null;
    });
}

/** Has an answer made anew, beside the one that is there. */
export async function again(answer: Message, model?: string): Promise<boolean> {
    const id = conversationId.value;
    if (busy.value || !id) return false;
    const before = messages.value;
    const at = before.findIndex((m) => m.id === answer.id);
    batch(() => {
        notice.value = null;
        messages.value = [...before.slice(0, at), { ...blank("assistant", "", answer.parentId, [], "streaming"), siblings: answer.siblings + 1, siblingIndex: answer.siblings + 1 }];
        move("sending");
    });
    return start(id, `/conversations/${id}/messages/${answer.id}/regenerate`, model ? { model } : {}, () => (messages.value = before));
}

async function start(id: string, path: string, body: unknown, undo: () => void): Promise<boolean> {
    const stream = new AnswerStream(hearer(id));
    running = { stream, conversation: id };
    let begun = false;
    const asked = stream.ask(path, body);
    const ended = run(id, asked, () => begun);
    begun = await Promise.race([ended.then((ok) => ok), started(stream)]);
    if (!begun && conversationId.value === id) undo();
    return begun;
}

const waiters = new Map<AnswerStream, (v: boolean) => void>();
const started = (stream: AnswerStream) => new Promise<boolean>((resolve) => waiters.set(stream, resolve));

/** Whether the answer began. */
async function run(id: string, stream: Promise<void>, begun: () => boolean = () => true): Promise<boolean> {
    const mine = running!.stream;
    try {
        await stream;
        if (running?.stream === mine) await settle(id);
        return true;
    } catch (e) {
        if (running?.stream !== mine || !(e instanceof ApiError)) return begun();
        refuse(e);
        if (begun()) await settle(id);
        return begun();
    } finally {
        waiters.delete(mine);
        if (running?.stream === mine) {
            running = null;
            move("idle");
        }
    }
}

function refuse(error: ApiError): void {
    const kind = error.status === 429 ? "limit" : error.code === "conversation_busy" ? "busy" : "error";
    notice.value = error.retryAfter === null ? { kind, error } : { kind, error, until: Date.now() + 1000 * error.retryAfter };
}

/** What the database has of the last two messages is what counts. */
async function settle(id: string): Promise<void> {
    const page = await api.messages(id, { limit: 2 }).catch(() => null);
    if (page && conversationId.value === id) {
        messages.value = messages.value.map((m) => page.data.find((p) => p.id === m.id) ?? m);
    }
    await refreshConversation(id);
}

// ---- what the answer says ----

function patchMessage(id: string, change: Partial<Message>): void {
    messages.value = messages.value.map((m) => (m.id === id ? { ...m, ...change } : m));
}

function last(): Message | undefined {
    return messages.value.at(-1);
}

function append(type: "text" | "reasoning", text: string): void {
    const message = last();
    if (!message) return;
    const part = message.parts.at(-1);
    if (part?.type === type) part.text += text;
    else message.parts.push({ type, text });
    pulse.value++;
}

const HEAR: { [K in StreamEvent["type"]]?: (e: any, id: string) => void } = {
    start(e, id) {
        const stream = running?.stream;
        if (running) running.streamId = e.streamId;
        const question = messages.value.at(-2);
        messages.value = messages.value.map((m) =>
            m === messages.value.at(-1) ? { ...m, id: e.messageId ?? m.id, model: e.model, provider: e.provider } : m === question && e.userMessageId ? { ...m, id: e.userMessageId } : m);
        move("waiting");
        touchConversation(id, e.streamId && { id: e.streamId, messageId: e.messageId });
        if (stream) waiters.get(stream)?.(true);
        announce("answer.started");
    },
    text(e) {
        move("writing");
        append("text", e.text);
    },
    refusal(e) {
        move("writing");
        append("text", e.text);
    },
    reasoning(e) {
        move("reasoning");
        append("reasoning", e.text);
    },
    tool_call(e) {
        last()?.parts.push({ type: "tool-call", callId: e.callId, name: e.name, arguments: "" });
        pulse.value++;
    },
    tool_arguments(e) {
        const calls = last()?.parts.filter((p) => p.type === "tool-call") ?? [];
        const call = calls[e.index];
        if (call?.type === "tool-call") call.arguments += e.text;
        pulse.value++;
    },
    done(e) {
        const message = last();
        if (message) patchMessage(message.id, { status: e.finishReason === "stopped" ? "cancelled" : "complete", finishReason: e.finishReason, usage: e.usage });
        announce(e.finishReason === "stopped" ? "answer.stopped" : "answer.finished");
    },
    error(e) {
        const message = last();
        if (message) patchMessage(message.id, { status: message.parts.length ? "partial" : "failed", error: { code: e.code, message: e.message } });
        refuse(new ApiError(200, e.code, e.message, null, e.retryAfter ?? null));
        announce("answer.failed");
    },
};

function hearer(id: string): Hearer {
    return {
        event(e) {
            if (conversationId.value === id) HEAR[e.type]?.(e, id);
        },
        lost() {
            move("reconnecting");
        },
    };
}

/** Ends the answer for everybody; what there is of it stays. */
export async function stop(): Promise<void> {
    const stream = running?.streamId;
    if (!stream) {
        leave();
        return;
    }
    move("stopping");
    await api.stop(stream, running?.stream.seen).catch(() => undefined);
}

// ---- branches ----

/** Shows the sibling of `message` that is `step` further, with the newest branch below it. */
export async function turnTo(message: Message, step: 1 | -1): Promise<void> {
    const id = conversationId.value;
    if (!id || busy.value) return;
    const all: Message[] = [];
    for (let before: string | null = null; ; ) {
        const page = await api.messages(id, { branch: "all", limit: 100, before });
        all.unshift(...page.data);
        if (!(before = page.nextCursor)) break;
    }
    const sibling = all.filter((m) => m.parentId === message.parentId)[message.siblingIndex - 1 + step];
    if (!sibling) return;
    let leaf = sibling;
    for (let next; (next = all.findLast((m) => m.parentId === leaf.id)); ) leaf = next;
    await api.change(id, { currentMessageId: leaf.id });
    const page = await api.messages(id, { limit: 100 });
    if (conversationId.value !== id) return;
    batch(() => {
        messages.value = page.data;
        older.value = page.nextCursor;
    });
}

export async function removeMessage(message: Message): Promise<void> {
    const id = conversationId.value;
    if (!id || busy.value) return;
    await api.removeMessage(id, message.id);
    await load(id);
}
