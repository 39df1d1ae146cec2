// SPDX-License-Identifier: Apache-2.0
//
// What the answer that runs says, event by event, and where it is written down.
import { announce } from "./announce";
import { ApiError, type Message } from "./api";
import { messages, move, patchMessage, pulse, refuse } from "./thread";
import type { StreamEvent } from "./stream";

type Event<K extends StreamEvent["type"]> = Extract<StreamEvent, { type: K }>;

const last = (): Message | undefined => messages.value.at(-1);

function append(type: "text" | "reasoning", text: string): void {
    const message = last();
    if (!message) return;
    const part = message.parts.at(-1);
    if (part?.type === type) part.text += text;
    else message.parts.push({ type, text });
    pulse.value++;
}

function start(e: Event<"start">): void {
    const question = messages.value.at(-2);
    const answer = last();
    messages.value = messages.value.map((m) =>
        m === answer ? { ...m, id: e.messageId ?? m.id, model: e.model, provider: e.provider }
        : m === question && e.userMessageId ? { ...m, id: e.userMessageId }
        : m);
    move("waiting");
    announce("answer.started");
}

function callArguments(e: Event<"tool_arguments">): void {
    const call = last()?.parts.filter((p) => p.type === "tool-call")[e.index];
    if (call) call.arguments += e.text;
    pulse.value++;
}

function done(e: Event<"done">): void {
    const message = last();
    const stopped = e.finishReason === "stopped";
    if (message) patchMessage(message.id, { status: stopped ? "cancelled" : "complete", finishReason: e.finishReason, usage: e.usage });
    announce(stopped ? "answer.stopped" : "answer.finished");
}

function failed(e: Event<"error">): void {
    const message = last();
    if (message) patchMessage(message.id, { status: message.parts.length ? "partial" : "failed", error: { code: e.code, message: e.message } });
    refuse(new ApiError(200, e.code, e.message, null, e.retryAfter ?? null));
    announce("answer.failed");
}

export function hear(e: StreamEvent): void {
    switch (e.type) {
        case "start":
            return start(e);
        case "text":
        case "refusal":
            move("writing");
            return append("text", e.text);
        case "reasoning":
            move("reasoning");
            return append("reasoning", e.text);
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
