// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { API, type Message, type Part } from "../api";
import { dialog, model, modelName, models } from "../app";
import { count, plural, t } from "../i18n";
import { again, resume, send } from "../ask";
import { put } from "../conversations";
import { go } from "../route";
import { busy, conversationId, held, patchMessage, phase, phaseSince, pulse, removeMessage, stage, textOf, turnTo } from "../thread";
import { bytes } from "./attach";
import { copyText } from "./copy";
import { IconButton, Menu, type MenuItem } from "./dialog";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { money } from "./money";

function CopyButton({ text }: { text: () => string }) {
    const [said, say] = useState("");
    return (
        <IconButton
            icon={said ? "check" : "copy"}
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
        <span class="branches" role="group" aria-label={t("branches")}>
            <IconButton icon="left" label={t("branch.previous")} disabled={message.siblingIndex <= 1 || busy.value} onClick={() => void turnTo(message, -1)} />
            <span aria-label={t("branch.of", { n: message.siblingIndex, all: message.siblings })} role="img">
                {message.siblingIndex}/{message.siblings}
            </span>
            <IconButton icon="right" label={t("branch.next")} disabled={message.siblingIndex >= message.siblings || busy.value} onClick={() => void turnTo(message, 1)} />
        </span>
    );
}

/** An image is shown, another file is a link to what stays at the server. */
function FilePart({ part }: { part: Part & { type: "file" } }) {
    const url = `${API}/uploads/${encodeURIComponent(part.uploadId)}/content`;
    const name = part.name ?? t("attach.file");
    return (
        <a class="file" href={url} target="_blank" rel="noopener noreferrer">
            {part.mediaType?.startsWith("image/") ? <img src={url} alt={name} loading="lazy" /> : <><Icon name="clip" /> <span dir="auto">{name}</span></>}
            {!part.mediaType?.startsWith("image/") && part.size !== undefined && <small>{bytes(part.size)}</small>}
        </a>
    );
}

const infoItem = (message: Message): MenuItem => ({ label: t("info"), act: () => (dialog.value = { name: "info", message }) });
/** Others that were said below it go with it, and none of them can be had back. */
function askToRemove(message: Message): void {
    dialog.value = { name: "confirm", what: t("remove.sure"), act: () => void removeMessage(message) };
}

const removeItem = (message: Message): MenuItem => ({ label: t("remove.message"), act: () => askToRemove(message), danger: true });

export function UserMessage({ message, onEdit, pale = false }: { message: Message; onEdit?: (m: Message) => void; pale?: boolean }) {
    const text = textOf(message);
    return (
        <article class={pale ? "user pale" : "user"} tabIndex={-1} aria-label={t("you")} data-id={message.id}>
            {message.parts.map((p) => p.type === "file" && <FilePart key={p.uploadId} part={p} />)}
            {text && (
                <div class="bubble" dir="auto">
                    {text}
                </div>
            )}
            <div class="actions">
                {onEdit && (
                    <>
                        <Branches message={message} />
                        <IconButton icon="edit" label={t("edit")} disabled={busy.value} onClick={() => onEdit(message)} />
                    </>
                )}
                <CopyButton text={() => text} />
                {onEdit && <Menu label={t("menu.question")} disabled={busy.value} items={[infoItem(message), removeItem(message)]} />}
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

const STAGES = new Set(["queued", "thinking", "retrying", "fallback"]);

function Waiting({ name }: { name: string }) {
    const waits = phase.value === "sending" || phase.value === "waiting";
    const now = useNow(waits, 1000);
    if (phase.value === "reconnecting") return <p class="waiting">{t("reconnecting")}</p>;
    if (phase.value === "stopping") return <p class="waiting">{t("stopping")}</p>;
    if (!waits) return null;
    const s = Math.floor((now - phaseSince.value) / 1000);
    const told = STAGES.has(stage.value) ? t(`stage.${stage.value as "queued"}`) : "";
    return (
        <p class="waiting">
            <span class="dot" />
            {told || (s < 8 ? t("waiting", { model: name }) : t("waiting.long", { s }))}
        </p>
    );
}

function Reasoning({ part, live, thought }: { part: Part & { type: "reasoning" }; live: boolean; thought: number | undefined }) {
    const [open, unfold] = useState(false);
    return (
        <details class="reasoning" onToggle={(e) => unfold(e.currentTarget.open)}>
            <summary>{live ? t("thinking") : thought ? t("thought", { s: thought }) : t("thoughts")}</summary>
            {open && <Markdown read={() => part.text} live={live} />}
        </details>
    );
}

function ToolCall({ part, live }: { part: Part & { type: "tool-call" }; live: boolean }) {
    if (live) void pulse.value;
    return (
        <details class="tool">
            <summary>{t("tool", { name: part.name })}</summary>
            <pre tabIndex={0} role="region" aria-label={t("tool", { name: part.name })}>{part.arguments}</pre>
        </details>
    );
}

function PartView({ part, live, thought }: { part: Part; live: boolean; thought: number | undefined }) {
    switch (part.type) {
        case "text":
            return <Markdown read={() => part.text} live={live} />;
        case "reasoning":
            return <Reasoning part={part} live={live} thought={thought} />;
        case "tool-call":
            return <ToolCall part={part} live={live} />;
        case "tool-result":
            return <pre class="tool-result" tabIndex={0} role="region" aria-label={t("tool.result")}>{part.content}</pre>;
        case "file":
            return <FilePart part={part} />;
    }
}

/** The parts that there are; while they are written the list grows, and only its last one changes. */
function Parts({ message, live }: { message: Message; live: boolean }) {
    if (live) void pulse.value;
    return (
        <>
            {message.parts.map((part, i) => (
                <PartView key={`${i}-${part.type}`} part={part} live={live && i === message.parts.length - 1} thought={message.heard?.thought} />
            ))}
        </>
    );
}

/** How it ended, where that was not well, and what one can do about it. */
function End({ message, last }: { message: Message; last: boolean }) {
    const { status, error, finishReason } = message;
    const says =
        status === "cancelled" ? t("stopped")
        : status === "partial" ? t(error?.code === "cut" ? "cut.here" : "cut")
        : status === "failed" ? t(/^upstream_(?:rate_limited|overloaded)$/.test(error?.code ?? "") ? "failed.busy" : error?.code.startsWith("upstream_") ? "failed.provider" : "failed")
        : finishReason === "length" ? t("length")
        : finishReason === "content_filter" ? t("filtered")
        : "";
    if (!says) return null;
    const whole = status === "failed";
    const goOn = () => void send({ text: t("continue.say"), model: model.value?.id, draft: "continue" });
    const named = message.heard?.others?.[0];
    const spare = whole ? models.value.find((m) => (named ? m.id === named : m.available && m.id !== message.model)) : undefined;
    return (
        <div class={`end ${status}`}>
            <p>{says}</p>
            {last && !busy.value && (
                <span class="row">
                    {error?.code === "cut" && <button type="button" onClick={() => void resume()}>{t("cut.resume")}</button>}
                    {(status === "cancelled" || finishReason === "length") && <button type="button" onClick={goOn}>{t("continue")}</button>}
                    {(whole || status === "partial") && <button type="button" onClick={() => void again(message, model.value?.id)}>{t(whole ? "error.retry" : "again")}</button>}
                    {spare && <button type="button" onClick={() => void again(message, spare.id)}>{t("error.try", { model: spare.label ?? spare.id })}</button>}
                </span>
            )}
        </div>
    );
}

/** Who answered, with how many tokens, how fast and for how much. */
function Facts({ message }: { message: Message }) {
    const out = message.usage?.outputTokens;
    const cost = message.usage?.costUsd;
    const { wrote, asked } = message.heard ?? {};
    const other = asked && message.model && asked !== message.model;
    return (
        <span class="facts">
            {[
                other ? t("fallback", { model: modelName(message.model), asked: modelName(asked) }) : modelName(message.model),
                out ? plural("tokens", out) : "",
                out && wrote && wrote > 0.5 ? t("speed", { n: count(Math.round(out / wrote)) }) : "",
                cost ? money(cost) : "",
            ].filter(Boolean).join(" · ")}
        </span>
    );
}

async function fork(message: Message): Promise<void> {
    const { more } = await import("../more");
    const c = await more.fork(conversationId.value!, message.id);
    put(c);
    go(c.id);
}

async function rate(message: Message, kind: "positive" | "negative"): Promise<void> {
    const is = message.feedback?.kind === kind ? null : kind;
    const { more } = await import("../more");
    await more.feedback(conversationId.value!, message.id, is);
    patchMessage(message.id, { feedback: is && { kind: is } });
}

function readAloud(text: string): void {
    speechSynthesis.cancel();
    const said = new SpeechSynthesisUtterance(text.replace(/```[^]*?```/g, " ").replace(/[*_`#>|]+/g, ""));
    said.lang = document.documentElement.lang;
    speechSynthesis.speak(said);
}

/** To have it said again: as it is, by another model, or shorter or longer. */
const againItems = (message: Message): MenuItem[] => [
    { label: t("again"), act: () => void again(message, model.value?.id) },
    { label: t("again.with"), act: () => (dialog.value = { name: "models", pick: (m) => void again(message, m.id) }) },
    ...(["shorter", "longer"] as const).map((how) => ({
        label: t(how), act: () => void send({ text: t(`${how}.say`), model: model.value?.id, draft: how }),
    })),
];

function Actions({ message, last }: { message: Message; last: boolean }) {
    const kept = conversationId.value !== null;
    const text = () => textOf(message);
    return (
        <>
            {text() && <CopyButton text={text} />}
            <Menu icon="again" label={t("again")} disabled={busy.value} items={againItems(message).slice(0, last ? 4 : 2)} />
            <Branches message={message} />
            {kept && text() && (["positive", "negative"] as const).map((kind) => (
                <IconButton key={kind} icon={kind} label={t(kind)} aria-pressed={message.feedback?.kind === kind} onClick={() => void rate(message, kind)} />
            ))}
            <Menu
                label={t("menu.answer")}
                items={[
                    ...(kept ? [{ label: t("fork"), act: () => void fork(message) }] : []),
                    ...("speechSynthesis" in globalThis ? [{ label: t(speechSynthesis.speaking ? "read.stop" : "read"), act: () => (speechSynthesis.speaking ? speechSynthesis.cancel() : readAloud(text())) }] : []),
                    infoItem(message),
                    ...(busy.value ? [] : [removeItem(message)]),
                ]}
            />
        </>
    );
}

export function Answer({ message, live, last = false, readOnly = false }: { message: Message; live: boolean; last?: boolean; readOnly?: boolean }) {
    const name = modelName(message.model) || modelName(message.heard?.asked) || modelName(model.value?.id);
    // What stands below an answer comes when all of it is shown.
    const over = !live && !(last && held.value);
    return (
        <article class={last ? "answer last" : "answer"} tabIndex={-1} aria-label={name ? t("assistant.of", { model: name }) : t("assistant")} data-id={message.id} aria-busy={live}>
            <h2 class="offscreen">{name ? t("assistant.of", { model: name }) : t("assistant")}</h2>
            <div class="body">
                {live && <Waiting name={name} />}
                <Parts message={message} live={live} />
                {over && <End message={message} last={last} />}
            </div>
            <div class="actions">
                {over && (readOnly ? <CopyButton text={() => textOf(message)} /> : <Actions message={message} last={last} />)}
                {over && <Facts message={message} />}
            </div>
        </article>
    );
}
