// SPDX-License-Identifier: Apache-2.0
//
// The field in which one asks. What is in it is kept with each letter, and goes
// only when the server has it.
import { signal, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message, Part } from "../api";
import { conversation, dialog, has, known, me, model, modelGone, modelName, narrow, online, settings, signIn } from "../app";
import { change } from "../conversations";
import { count, t } from "../i18n";
import { type Attached, draftOf, keepDraft } from "../keep";
import { isKept, send, stop } from "../ask";
import { busy, conversationId, notice, phase, system, temporary, textOf } from "../thread";
import { go, route } from "../route";
import { inOneTab, tell } from "../tabs";
import { AttachButton, Attachments, attached, attachments, attachmentsOf, drop, filesOf, restore, take } from "./attach";
import { Icon } from "./icons";
import { leftOf } from "./money";
import { clock, NoticeLine, useLeft } from "./notice";

const finePointer = matchMedia("(pointer: fine)");

/** Enter sends with a keyboard that is one, but not while an input method composes (229: what Safari says then). */
function sends(e: KeyboardEvent): boolean {
    if (e.key !== "Enter" || e.isComposing || e.keyCode === 229 || e.shiftKey) return false;
    if (settings.value.send === "ctrl-enter" || !finePointer.matches) return e.ctrlKey || e.metaKey;
    return !e.altKey;
}

const asAttached = (p: Part): Attached[] => (p.type === "file" ? [{ id: p.uploadId, name: p.name ?? t("attach.file"), mediaType: p.mediaType ?? "", size: p.size ?? 0, used: true }] : []);

const filled = signal("");
/** Whose draft another tab has changed. */
const changed = signal<{ key: string } | null>(null);

/** Shows the draft as it is kept now, where it is shown. */
export const showDraft = (key: string): void => void (changed.value = { key });

/** Puts a text into the field, for the user to go on with. */
export function fill(text: string): void {
    filled.value = text;
    document.getElementById("composer")?.focus();
}

export function Composer({ editing, onEdited, onEditLast }: { editing: Message | null; onEdited: () => void; onEditLast: () => void }) {
    const field = useRef<HTMLTextAreaElement>(null);
    const key = editing ? `edit.${editing.id}` : temporary.value ? "temporary" : (conversationId.value ?? "");
    const shown = useRef(key);
    shown.current = key;
    const text = useSignal(draftOf(key).text);
    const queued = useSignal(false);
    const [sent, setSent] = useState(false);
    const [over, dragOver] = useState(false);
    const left = useLeft(notice.value?.until);
    const max = me.value?.clamps.messageLength;
    const uploads = has("uploads") && isKept();

    const keep = () => temporary.value || keepDraft(key, { text: text.value, ...filesOf(key), queued: queued.value });

    const show = () => {
        const draft = draftOf(key);
        text.value = draft.text || (editing ? textOf(editing) : "");
        queued.value = draft.queued ?? false;
        restore(key, editing ? editing.parts.flatMap(asAttached) : []);
    };
    useLayoutEffect(() => {
        show();
        if (editing) field.current!.focus();
    }, [key]);
    // No keyboard pops up on a phone by itself.
    useEffect(() => {
        if (!narrow.matches && !dialog.value) field.current!.focus();
    }, [conversationId.value]);
    useSignalEffect(() => {
        if (!filled.value) return;
        text.value = filled.value;
        filled.value = "";
        keep();
    });
    useSignalEffect(() => {
        if (changed.value?.key !== shown.current) return;
        changed.value = null;
        // What is on its way in this tab is not known to others.
        if (attachmentsOf(shown.current).every((a) => a.done)) drop(shown.current);
        show();
    });
    // What was asked offline goes by itself, from one of the tabs that show it.
    useSignalEffect(() => {
        if (online.value && queued.value && me.value && !busy.value) void inOneTab("queued", async () => {
            if (temporary.value || draftOf(shown.current).queued) await submit();
        });
    });

    const write = (value: string) => {
        text.value = value;
        queued.value = false;
        keep();
    };
    const ready = () => (text.value.trim() || attached(key).length) && !busy.value && !sent && left <= 0 && attachmentsOf(key).every((a) => a.done || a.failed) && (max === undefined || text.value.length <= max);
    const submit = async () => {
        const what = text.value.trim();
        const had = attachmentsOf(key);
        const files = attached(key);
        if (!ready()) return;
        queued.value = !online.value;
        if (queued.value) return keep();
        const fresh = conversationId.value === null;
        setSent(true);
        text.value = "";
        drop(key);
        // The draft stays where it is until the server has said that it has it.
        if (!temporary.value) keepDraft(key, { text: what, files });
        const sending = send({ text: what, files, model: model.value?.id, draft: key, ...(system.value && { system: system.value }), ...(editing && { parentId: editing.parentId }) });
        // What is written meanwhile is of the conversation that begins with this.
        const next = fresh ? (conversationId.value ?? key) : key;
        const ok = await sending;
        setSent(false);
        const stays = shown.current === key;
        if (ok) {
            if (stays && !editing) keep();
            else keepDraft(key, { text: "" });
            tell({ what: "sent", draft: key, text: what });
            if (editing && stays) {
                // What was typed meanwhile is no other version of that question.
                if (text.value && conversationId.value) keepDraft(conversationId.value, { text: text.value });
                onEdited();
            }
            if (fresh && conversationId.value && route.value.id === null) go(conversationId.value, true);
        } else if (stays || (fresh && conversationId.value === null)) {
            text.value = [what, next === key ? text.value : draftOf(next).text].filter(Boolean).join("\n\n");
            if (next !== key) keepDraft(next, { text: "" });
            attachments.value = [...had, ...attachments.value.filter((a) => a.draft !== key || !files.some((f) => f.id === a.done?.id))];
            keep();
        }
    };
    const onKeyDown = (e: KeyboardEvent) => {
        if (sends(e)) {
            e.preventDefault();
            void submit();
        } else if (e.key === "ArrowUp" && !text.value && !editing) {
            e.preventDefault();
            onEditLast();
        } else if (e.key === "Escape" && editing) {
            e.preventDefault();
            onEdited();
        }
    };

    const long = max !== undefined && text.value.length > 0.8 * max;
    return (
        <footer class="composer-area">
            {!online.value && !queued.value && <p class="notice warn" role="status">{t("offline")}</p>}
            {queued.value && (
                <p class="notice warn" role="status">
                    <span>{t(online.value ? "queued" : "queued.offline")}</span>
                    <button type="button" onClick={() => ((queued.value = false), keep())}>{t("queued.not")}</button>
                </p>
            )}
            <Guest />
            <ModelGone />
            <Archived />
            <NoticeLine retry={() => void submit()} />
            <form
                class={over ? "composer over" : "composer"}
                aria-label={t("composer")}
                onSubmit={(e) => {
                    e.preventDefault();
                    void submit();
                }}
                onDragOver={(e) => uploads && e.dataTransfer?.types.includes("Files") && (e.preventDefault(), dragOver(true))}
                onDragLeave={() => dragOver(false)}
                onDrop={(e) => {
                    dragOver(false);
                    if (uploads && take(key, e.dataTransfer)) e.preventDefault();
                }}
            >
                {editing && (
                    <p class="editing">
                        <Icon name="edit" /> {t("edit.what")}
                        <button type="button" onClick={onEdited}>{t("edit.cancel")}</button>
                    </p>
                )}
                <Attachments draft={key} />
                <textarea
                    ref={field}
                    id="composer"
                    rows={1}
                    dir="auto"
                    aria-label={t("ask")}
                    placeholder={t("ask")}
                    enterkeyhint={finePointer.matches ? "send" : "enter"}
                    value={text.value}
                    onInput={(e) => write(e.currentTarget.value)}
                    onKeyDown={onKeyDown}
                    onPaste={(e) => uploads && take(key, e.clipboardData) && e.preventDefault()}
                />
                <div class="tools">
                    {known.value && <button type="button" class="pick" aria-haspopup="dialog" aria-label={t("model.is", { model: modelName(model.value?.id) || t("model") })} onPointerEnter={() => void import("./models")} onClick={() => (dialog.value = { name: "models" })}>
                        <span>{modelName(model.value?.id) || t("model")}</span>
                        <Icon name="down" />
                    </button>}
                    {known.value && uploads && <AttachButton draft={key} disabled={busy.value} />}
                    {long && <span class={text.value.length > max! ? "count over" : "count"} role="status">{t("too.long", { n: count(text.value.length), max: count(max!) })}</span>}
                    {busy.value ? (
                        <button type="button" class="send" aria-label={t("stop")} title={t("stop")} disabled={phase.value === "stopping"} onClick={() => (finePointer.matches && field.current!.focus(), void stop())}>
                            <Icon name="stop" />
                        </button>
                    ) : (
                        <button type="submit" class="send" aria-label={left ? t("send.in", { time: clock(left) }) : t("send")} disabled={!ready()}>
                            {left ? <span class="countdown">{clock(left)}</span> : <Icon name="up" />}
                        </button>
                    )}
                </div>
            </form>
            <p class="below">
                <span>{t("wrong")}</span>
                <Left />
            </p>
        </footer>
    );
}

/** The limit that is nearest to its end; a guest is told of his above. */
const nearest = () => (me.value?.limits ?? []).toSorted((a, b) => a.remaining / a.limit - b.remaining / b.limit)[0];

function Left() {
    const limit = nearest();
    if (!limit || (me.value!.guest && limit.unit === "requests")) return null;
    return <span class="left">{leftOf(limit)}</span>;
}

/** A guest is told that nothing of this is kept but here. */
function Guest() {
    if (!me.value?.guest) return null;
    const limit = me.value.limits?.find((l) => l.unit === "requests");
    return (
        <p class="notice quiet">
            <span>{limit ? t("guest.left", { n: count(limit.remaining) }) : t("guest")}</span>
            {me.value.signInUrl && <button type="button" onClick={signIn}>{t("signin")}</button>}
        </p>
    );
}

/** It can be read, and be brought back. */
function Archived() {
    const c = conversation.value;
    if (!c?.archived || notice.value) return null;
    return (
        <p class="notice quiet">
            <span>{t("error.archived")}</span>
            <button type="button" onClick={() => void change(c, { archived: false })}>{t("unarchive")}</button>
        </p>
    );
}

function ModelGone() {
    if (!modelGone.value) return null;
    return (
        <p class="notice quiet">
            <span>{t("model.gone", { model: modelName(modelGone.value), other: modelName(model.value?.id) })}</span>
            <button type="button" onClick={() => (dialog.value = { name: "models" })}>{t("model.other")}</button>
        </p>
    );
}
