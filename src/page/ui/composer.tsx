// SPDX-License-Identifier: Apache-2.0
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api";
import { dialog, me, model, online, settings, narrow } from "../app";
import { t } from "../i18n";
import { draftOf, keepDraft } from "../keep";
import { send, stop } from "../ask";
import { busy, conversationId, notice, phase } from "../thread";
import { go } from "../route";
import { Icon } from "./icons";
import { clock, NoticeLine, useLeft } from "./notice";

const finePointer = matchMedia("(pointer: fine)");

/** Enter sends with a keyboard that is one, but not while an input method composes (229: what Safari says then). */
function sends(e: KeyboardEvent): boolean {
    if (e.key !== "Enter" || e.isComposing || e.keyCode === 229 || e.shiftKey) return false;
    if (settings.value.send === "ctrl-enter" || !finePointer.matches) return e.ctrlKey || e.metaKey;
    return !e.altKey;
}

export function Composer({ editing, onEdited, onEditLast }: { editing: Message | null; onEdited: () => void; onEditLast: () => void }) {
    const field = useRef<HTMLTextAreaElement>(null);
    const key = editing ? `edit.${editing.id}` : (conversationId.value ?? "");
    const text = useSignal(draftOf(key));
    const [sent, setSent] = useState(false);
    const left = useLeft(notice.value?.until);
    const max = me.value?.limits.messageLength;

    useLayoutEffect(() => {
        const draft = draftOf(key) || (editing ? editing.parts.flatMap((p) => (p.type === "text" ? [p.text] : [])).join("\n\n") : "");
        text.value = draft;
        if (editing) field.current!.focus();
    }, [key]);
    // No keyboard pops up on a phone by itself.
    useEffect(() => {
        if (!narrow.matches) field.current!.focus();
    }, [conversationId.value]);

    const write = (value: string) => {
        text.value = value;
        keepDraft(key, value);
    };
    const submit = async () => {
        const what = text.value.trim();
        if (!what || busy.value || sent || left > 0 || (max !== undefined && what.length > max)) return;
        const fresh = conversationId.value === null;
        setSent(true);
        text.value = "";
        const done = send({ text: what, ...(model.value && { model: model.value.id }), ...(editing && { parentId: editing.parentId }) });
        if (editing) onEdited();
        const ok = await done;
        setSent(false);
        if (ok) {
            keepDraft(key, "");
            if (fresh && conversationId.value) go(conversationId.value, true);
        } else {
            text.value ||= what;
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
            onEdited();
        }
    };

    const long = max !== undefined && text.value.length > 0.8 * max;
    return (
        <footer class="composer-area">
            {!online.value && <p class="notice warn" role="status">{t("offline")}</p>}
            <NoticeLine />
            <form
                class="composer"
                onSubmit={(e) => {
                    e.preventDefault();
                    void submit();
                }}
            >
                {editing && (
                    <p class="editing">
                        <Icon name="edit" /> {t("edit")}
                        <button type="button" onClick={onEdited}>{t("edit.cancel")}</button>
                    </p>
                )}
                <textarea
                    ref={field}
                    id="composer"
                    rows={1}
                    dir="auto"
                    aria-label={t("ask")}
                    placeholder={t("ask")}
                    value={text.value}
                    onInput={(e) => write(e.currentTarget.value)}
                    onKeyDown={onKeyDown}
                />
                <div class="tools">
                    <button type="button" class="pick" aria-haspopup="dialog" onClick={() => (dialog.value = "models")}>
                        <span>{model.value?.label ?? model.value?.id ?? t("model")}</span>
                        <Icon name="down" />
                    </button>
                    {long && <span class={text.value.length > max! ? "count over" : "count"}>{t("too.long", { n: text.value.length, max: max! })}</span>}
                    {busy.value && phase.value !== "sending" ? (
                        <button type="button" class="send" aria-label={t("stop")} title={t("stop")} disabled={phase.value === "stopping"} onClick={() => void stop()}>
                            <Icon name="stop" />
                        </button>
                    ) : (
                        <button type="submit" class="send" aria-label={left ? t("send.in", { time: clock(left) }) : t("send")} disabled={!text.value.trim() || busy.value || left > 0}>
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

/** What is left of the limit that is nearest to its end. */
function Left() {
    const limits = me.value?.left ?? [];
    const nearest = limits.toSorted((a, b) => a.remaining / a.limit - b.remaining / b.limit)[0];
    if (!nearest) return null;
    return <span class="left">{t("left", { left: nearest.remaining.toLocaleString(), limit: nearest.limit.toLocaleString() })}</span>;
}

