// SPDX-License-Identifier: Apache-2.0
//
// Asking, following and stopping: one answer runs in this page at a time.
import { batch } from "@preact/signals";
import { api, ApiError, type Message } from "./api";
import { me } from "./app";
import { refreshConversation, touchConversation } from "./conversations";
import { hear } from "./hear";
import { uuid } from "./ids";
import { AnswerStream, type StreamEvent } from "./stream";
import { blank, busy, clear, conversationId, load, messages, move, notice, patchMessage, refuse, temporary } from "./thread";

class Run {
    readonly stream: AnswerStream;
    streamId: string | undefined;
    private begin!: (begun: boolean) => void;
    /** Whether the answer began: a refusal before that leaves the draft where it is. */
    readonly begun = new Promise<boolean>((resolve) => (this.begin = resolve));

    constructor(readonly conversation: string | null) {
        this.stream = new AnswerStream({
            event: (e) => this === running && this.event(e),
            lost: () => this === running && move("reconnecting"),
        });
    }

    private event(e: StreamEvent): void {
        hear(e);
        if (e.type !== "start") return;
        this.streamId = e.streamId;
        if (this.conversation) touchConversation(this.conversation, e.streamId && e.messageId ? { id: e.streamId, messageId: e.messageId } : null);
        this.begin(true);
    }

    /** Waits for its end; what the database has then is what counts. */
    async wait(answer: Promise<void>): Promise<void> {
        try {
            await answer;
        } catch (e) {
            if (this === running && e instanceof ApiError) refuse(e);
        }
        this.begin(false);
        if (this !== running) return;
        if ((await this.begun) && this.conversation) await settle(this.conversation);
        running = null;
        move("idle");
    }
}

let running: Run | null = null;

/** Leaves the answer that runs to the server. */
export function leave(): void {
    running?.stream.leave();
    running = null;
    move("idle");
}

export async function open(id: string | null): Promise<void> {
    if (id === conversationId.value && (id === null || messages.value.length)) return;
    leave();
    clear(id);
    if (id && (await load(id)) && messages.value.at(-1)?.status === "streaming") await follow(id);
}

/** After a reload, or an answer that somewhere else was asked for. */
async function follow(id: string): Promise<void> {
    const conversation = await refreshConversation(id);
    const last = messages.value.at(-1);
    if (!last || conversationId.value !== id) return;
    if (!conversation?.stream) {
        await load(id);
        return;
    }
    patchMessage(last.id, { parts: [] });
    running = new Run(id);
    running.streamId = conversation.stream.id;
    move("waiting");
    await running.wait(running.stream.follow(conversation.stream.id));
}

/** The last two messages, as they were kept. */
async function settle(id: string): Promise<void> {
    const page = await api.messages(id, { limit: 2 }).catch(() => null);
    if (page && conversationId.value === id) messages.value = messages.value.map((m) => page.data.find((p) => p.id === m.id) ?? m);
    await refreshConversation(id);
}

export interface Question {
    text: string;
    model?: string;
    system?: string;
    /** It becomes another version of what follows that message; null: of the first one. */
    parentId?: string | null;
}

/** What nobody keeps is told whole each time. */
const isKept = (): boolean => Boolean(me.value?.id) && me.value?.features?.conversations !== false && !temporary.value;

const told = (list: Message[]) =>
    list.map((m) => ({ role: m.role, content: m.parts.flatMap((p) => (p.type === "text" ? [p.text] : [])).join("\n\n") })).filter((m) => m.content);

/** Asks; false when it was refused, and the draft is to stay. */
export async function send(q: Question): Promise<boolean> {
    if (busy.value) return false;
    const kept = isKept();
    const had = { messages: messages.value, id: conversationId.value };
    const id = kept ? (had.id ?? uuid()) : null;
    const parent = q.parentId === undefined ? (had.messages.at(-1)?.id ?? null) : q.parentId;
    const above = q.parentId === undefined ? had.messages : had.messages.slice(0, had.messages.findIndex((m) => m.id === parent) + 1);
    const question = blank("user", uuid(), parent, [{ type: "text", text: q.text }], "complete");
    const body: Record<string, unknown> = kept
        ? { conversationId: id, id: question.id, messages: [{ role: "user", content: q.text }], ...(q.parentId !== undefined && { parentId: parent }) }
        : { messages: told([...above, question]) };
    if (q.model) body.model = q.model;
    if (q.system && !had.messages.length) body.system = q.system;
    return ask(id, [...above, question, blank("assistant", uuid(), question.id, [], "streaming")], "/chat/stream", body, () => {
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
    const fresh = { ...blank("assistant", uuid(), answer.parentId, [], "streaming"), siblings, siblingIndex: siblings };
    const path = id ? `/conversations/${id}/messages/${answer.id}/regenerate` : "/chat/stream";
    const body = { ...(!id && { messages: told(above) }), ...(model && { model }) };
    return ask(id, [...above, fresh], path, body, () => (messages.value = had));
}

async function ask(id: string | null, shown: Message[], path: string, body: unknown, undo: () => void): Promise<boolean> {
    batch(() => {
        conversationId.value = id;
        notice.value = null;
        messages.value = shown;
        move("sending");
    });
    const run = (running = new Run(id));
    void run.wait(run.stream.ask(path, body));
    const begun = await run.begun;
    if (!begun && conversationId.value === id) undo();
    return begun;
}

/** Ends the answer for everybody; what there is of it stays. */
export async function stop(): Promise<void> {
    const run = running;
    if (!run?.streamId) {
        leave();
        const last = messages.value.at(-1);
        if (last?.status === "streaming") patchMessage(last.id, { status: "cancelled" });
        return;
    }
    move("stopping");
    await api.stop(run.streamId, run.stream.seen).catch(() => undefined);
}
