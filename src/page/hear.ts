// SPDX-License-Identifier: Apache-2.0
//
// What the answer that runs says, event by event, and where it is written down.
import { announce, announceText } from "./announce";
import { ApiError, type LimitLeft, type Message } from "./api";
import { loadMe, me, settings, signedOut } from "./app";
import { amend } from "./conversations";
import { conversationId, messages, move, patchMessage, pulse, refuse, stage } from "./thread";
import type { StreamEvent } from "./stream";

type Event<K extends StreamEvent["type"]> = Extract<StreamEvent, { type: K }>;

/** A screen reader is told whole sentences so often, if its user wants to hear them. */
const TELL_EVERY = 20000;

let began = 0;
let firstThought = 0;
let firstWord = 0;
let toldTo = 0;
let toldAt = 0;

const last = (): Message | undefined => messages.value.at(-1);
const seconds = (from: number) => Math.max(0, Math.round((Date.now() - from) / 1000));

function append(type: "text" | "reasoning", text: string): void {
    const message = last();
    if (!message) return;
    const part = message.parts.at(-1);
    if (part?.type === type) part.text += text;
    else message.parts.push({ type, text });
    pulse.value++;
}

function limitsAre(limits: LimitLeft[] | undefined): void {
    if (!limits || !me.value) return;
    const key = (l: LimitLeft & { model?: string }) => `${l.name} ${l.unit} ${l.model ?? ""}`;
    const now = new Map(limits.map((l) => [key(l), l]));
    me.value = { ...me.value, limits: [...(me.value.limits ?? []).filter((l) => !now.has(key(l))), ...limits] };
}

function start(e: Event<"start">): void {
    const question = messages.value.at(-2);
    const answer = last();
    began = Date.now();
    firstThought = firstWord = toldTo = 0;
    toldAt = began;
    messages.value = messages.value.map((m) =>
        m === answer ? { ...m, id: e.messageId ?? m.id, model: e.model, provider: e.provider, heard: { ...m.heard, key: m.heard?.key ?? m.id } }
        : m === question && e.userMessageId && m.role === "user" ? { ...m, id: e.userMessageId, heard: { key: m.heard?.key ?? m.id } }
        : m);
    limitsAre(e.limits);
    signedOut.value = false;
    move("waiting");
    announce("answer.started");
}

function think(text: string): void {
    firstThought ||= Date.now();
    move("reasoning");
    append("reasoning", text);
}

function say(text: string): void {
    if (!firstWord) {
        firstWord = Date.now();
        const message = last();
        if (message && firstThought) message.heard = { ...message.heard, thought: seconds(firstThought) };
    }
    move("writing");
    append("text", text);
    if (settings.value.announce && Date.now() - toldAt > TELL_EVERY) tellSentences();
}

function tellSentences(): void {
    const part = last()?.parts.findLast((p) => p.type === "text");
    if (!part || part.type !== "text") return;
    const end = Math.max(part.text.lastIndexOf(". "), part.text.lastIndexOf("\n"), part.text.lastIndexOf("? "), part.text.lastIndexOf("! ")) + 1;
    if (end <= toldTo) return;
    announceText(part.text.slice(toldTo, end));
    toldTo = end;
    toldAt = Date.now();
}

function callArguments(e: Event<"tool_arguments">): void {
    const call = last()?.parts.filter((p) => p.type === "tool-call")[e.index];
    if (call) call.arguments += e.text;
    pulse.value++;
}

function done(e: Event<"done">): void {
    const message = last();
    const stopped = e.finishReason === "stopped";
    if (message) {
        patchMessage(message.id, {
            status: stopped ? "cancelled" : "complete", finishReason: e.finishReason, usage: e.usage,
            heard: { ...message.heard, ...(firstWord && { wrote: (Date.now() - firstWord) / 1000 }) },
        });
    }
    if (e.limits) limitsAre(e.limits);
    // To ask costs one of the requests that a limit counts, so it is left where one does.
    else if (!me.value?.limits?.some((l) => l.unit === "requests")) void loadMe();
    announce(stopped ? "answer.stopped" : "answer.finished");
}

function failed(e: Event<"error">): void {
    const message = last();
    if (message) {
        patchMessage(message.id, {
            status: message.parts.length ? "partial" : "failed", error: { code: e.code, message: e.message },
            heard: { ...message.heard, ...(e.models && { others: e.models }) },
        });
    }
    if (e.retryAfter !== undefined) refuse(new ApiError(429, e.code, e.message, null, e.retryAfter));
    announce("answer.failed");
}

export function hear(e: StreamEvent): void {
    switch (e.type) {
        case "start":
            return start(e);
        case "status":
            stage.value = e.stage;
            return;
        case "conversation":
            if (conversationId.value && e.title) amend(conversationId.value, { title: e.title, revision: e.revision });
            return;
        case "text":
        case "refusal":
            return say(e.text);
        case "reasoning":
            return think(e.text);
        case "tool_call":
            last()?.parts.push({ type: "tool-call", callId: e.callId, name: e.name, arguments: "" });
            pulse.value++;
            return;
        case "tool_arguments":
            return callArguments(e);
        case "done":
            return done(e);
        case "error":
            return failed(e);
    }
}
