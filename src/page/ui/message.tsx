// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import type { Message, Part } from "../api";
import { dialog, model, models } from "../app";
import { plural, t } from "../i18n";
import { again } from "../ask";
import { busy, phase, phaseSince, pulse, removeMessage, turnTo } from "../thread";
import { copyText } from "./copy";
import { IconButton, Menu } from "./dialog";
import { Markdown } from "./markdown";
import { money } from "./money";

const textOf = (m: { parts: Part[] }): string => m.parts.flatMap((p) => (p.type === "text" ? [p.text] : [])).join("\n\n");
const modelName = (id: string | null | undefined) => models.value.find((m) => m.id === id)?.label ?? id ?? "";

function CopyButton({ text }: { text: () => string }) {
    const [said, say] = useState("");
    return (
        <IconButton
            icon="copy"
            label={said || t("copy.message")}
            onClick={async () => {
                say(t((await copyText(text())) ? "copied" : "copy.failed"));
                setTimeout(() => say(""), 1500);
            }}
        />
    );
}

function Branches({ message }: { message: Message }) {
    if (message.siblings < 2) return null;
    return (
        <span class="branches">
            <IconButton icon="left" label={t("branch.previous")} disabled={message.siblingIndex <= 1 || busy.value} onClick={() => void turnTo(message, -1)} />
            <span aria-label={t("branch.of", { n: message.siblingIndex, all: message.siblings })}>
                {message.siblingIndex}/{message.siblings}
            </span>
            <IconButton icon="right" label={t("branch.next")} disabled={message.siblingIndex >= message.siblings || busy.value} onClick={() => void turnTo(message, 1)} />
        </span>
    );
}

export function UserMessage({ message, onEdit }: { message: Message; onEdit?: (m: Message) => void }) {
    const text = textOf(message);
    return (
        <article class="user" aria-label={t("you")} data-id={message.id}>
            <div class="bubble" dir="auto">
                {text}
            </div>
            <div class="actions">
                <Branches message={message} />
                {onEdit && <IconButton icon="edit" label={t("edit")} disabled={busy.value} onClick={() => onEdit(message)} />}
                <CopyButton text={() => text} />
            </div>
        </article>
    );
}

function useNow(on: boolean, every: number): number {
    const [now, tick] = useState(Date.now());
    useEffect(() => {
        if (!on) return;
        const timer = setInterval(() => tick(Date.now()), every);
        return () => clearInterval(timer);
    }, [on, every]);
    return now;
}

function Waiting({ name }: { name: string }) {
    const waits = phase.value === "sending" || phase.value === "waiting";
    const now = useNow(waits, 1000);
    if (phase.value === "reconnecting") return <p class="waiting">{t("reconnecting")}</p>;
    if (phase.value === "stopping") return <p class="waiting">{t("stopping")}</p>;
    if (!waits) return null;
    const seconds = Math.floor((now - phaseSince.value) / 1000);
    return (
        <p class="waiting">
            <span class="dot" />
            {seconds < 8 ? t("waiting", { model: name }) : t("waiting.long", { s: seconds })}
        </p>
    );
}

function Reasoning({ part, live }: { part: Part & { type: "reasoning" }; live: boolean }) {
    return (
        <details class="reasoning">
            <summary>{live ? t("thinking") : t("thoughts")}</summary>
            <Markdown read={() => part.text} live={live} />
        </details>
    );
}

function ToolCall({ part, live }: { part: Part & { type: "tool-call" }; live: boolean }) {
    if (live) void pulse.value;
    return (
        <details class="tool">
            <summary>{t("tool", { name: part.name })}</summary>
            <pre tabIndex={0}>{part.arguments}</pre>
        </details>
    );
}

function PartView({ part, live }: { part: Part; live: boolean }) {
    switch (part.type) {
        case "text":
            return <Markdown read={() => part.text} live={live} />;
        case "reasoning":
            return <Reasoning part={part} live={live} />;
        case "tool-call":
            return <ToolCall part={part} live={live} />;
        case "tool-result":
            return <pre class="tool-result" tabIndex={0}>{part.content}</pre>;
        case "file":
            return <p class="file">{part.name ?? part.mediaType ?? part.uploadId}</p>;
    }
}

/** The parts that there are; while they are written the list grows, and only its last one changes. */
function Parts({ message, live }: { message: Message; live: boolean }) {
    if (live) void pulse.value;
    return (
        <>
            {message.parts.map((part, i) => (
                <PartView key={`${i}-${part.type}`} part={part} live={live && i === message.parts.length - 1} />
            ))}
        </>
    );
}

function End({ message }: { message: Message }) {
    const says =
        message.status === "cancelled" ? t("stopped")
        : message.status === "partial" ? t("cut")
        : message.status === "failed" ? t("failed")
        : message.finishReason === "length" ? t("length")
        : message.finishReason === "content_filter" ? t("filtered")
        : "";
    if (!says) return null;
    return (
        <p class={`end ${message.status}`}>
            {says} {message.error?.message}
        </p>
    );
}

function Facts({ message }: { message: Message }) {
    const out = message.usage?.outputTokens;
    const cost = message.usage?.costUsd;
    return (
        <span class="facts">
            {[modelName(message.model), out ? plural("tokens", out) : "", cost ? money(cost) : ""].filter(Boolean).join(" · ")}
        </span>
    );
}

export function Answer({ message, live, readOnly = false }: { message: Message; live: boolean; readOnly?: boolean }) {
    const name = modelName(message.model) || model.value?.label || model.value?.id || "";
    return (
        <article class="answer" aria-label={name ? t("assistant.of", { model: name }) : t("assistant")} data-id={message.id} aria-busy={live}>
            <div class="body">
                {live && <Waiting name={name} />}
                <Parts message={message} live={live} />
                <End message={message} />
            </div>
            <div class="actions">
                {!live && !readOnly && (
                    <>
                        <CopyButton text={() => textOf(message)} />
                        <IconButton icon="again" label={t("again")} disabled={busy.value} onClick={() => void again(message, model.value?.id)} />
                        <Branches message={message} />
                        <Menu
                            label={t("menu")}
                            items={[
                                { label: t("again.with"), act: () => (dialog.value = "models") },
                                { label: t("remove.message"), act: () => void removeMessage(message), danger: true },
                            ]}
                        />
                    </>
                )}
                {!live && <Facts message={message} />}
            </div>
        </article>
    );
}
