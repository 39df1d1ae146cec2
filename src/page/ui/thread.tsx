// SPDX-License-Identifier: Apache-2.0
//
// The conversation, and how it scrolls: a question goes to the top once, and the
// answer grows into the room below it. Nobody's eye is moved after that, unless
// the reader goes to the end himself.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api";
import { begin } from "../ask";
import { t } from "../i18n";
import { conversationId, isGone, loadAll, loading, loadOlder, messages, missing, older, phase, pulse, sought } from "../thread";
import { Icon } from "./icons";
import { Answer, UserMessage } from "./message";

const NEAR_END = 48;
/** Where the question that was asked stands below the top. */
const TOP = 12;

/** Where one was in each conversation, by the message at the top. */
const places = new Map<string, { id: string; offset: number }>();

function Skeleton() {
    return (
        <div class="skeleton" role="status" aria-label={t("thread.loading")}>
            {[60, 92, 85, 40].map((w) => (
                <span key={w} />
            ))}
        </div>
    );
}

function Missing() {
    return (
        <div class="missing" role="alert">
            <p>{t(isGone.value ? "error.gone" : "error.away")}</p>
            <p class="row"><button type="button" onClick={() => (isGone.value ? begin() : location.reload())}>{t(isGone.value ? "new" : "error.retry")}</button></p>
        </div>
    );
}

export function Thread({ onEdit }: { onEdit: (m: Message) => void }) {
    const scroller = useRef<HTMLDivElement>(null);
    const inner = useRef<HTMLDivElement>(null);
    /** The end is kept in sight: while one has just opened it, or has gone there. */
    const follows = useRef(false);
    const asked = useRef("");
    const opened = useRef<string | null | undefined>(undefined);
    const [far, setFar] = useState(false);

    const articleOf = (id: string) => scroller.current!.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
    /** Below what was said last, without the room that is kept for it. */
    const end = () => {
        const last = inner.current!.lastElementChild;
        const tail = last?.querySelector(".actions") ?? last;
        return tail ? tail.getBoundingClientRect().bottom - scroller.current!.getBoundingClientRect().bottom : 0;
    };
    const look = () => setFar(end() > NEAR_END);
    const toEnd = () => {
        const el = scroller.current!;
        const below = end();
        if (below > 0) el.scrollTop += below + 16;
    };
    const remember = () => {
        const id = conversationId.value;
        if (!id || opened.current !== id) return;
        const top = scroller.current!.getBoundingClientRect().top;
        for (const a of inner.current!.querySelectorAll<HTMLElement>("article")) {
            const box = a.getBoundingClientRect();
            if (box.bottom > top) return void places.set(id, { id: a.dataset.id!, offset: box.top - top });
        }
    };

    // A conversation opens where one was in it, or at its end.
    useLayoutEffect(() => {
        if (opened.current === conversationId.value || loading.value || !messages.value.length) return;
        const first = opened.current === undefined || opened.current !== null || phase.value === "idle";
        opened.current = conversationId.value;
        if (phase.value !== "idle" || !first) return;
        scroller.current!.style.removeProperty("--room");
        asked.current = "";
        const place = places.get(conversationId.value ?? "");
        const there = place && articleOf(place.id);
        follows.current = !there;
        if (there) scroller.current!.scrollTop += there.getBoundingClientRect().top - scroller.current!.getBoundingClientRect().top - place.offset;
        else toEnd();
    }, [conversationId.value, loading.value, messages.value.length]);

    // What was just asked goes to the top, and has a window of room below.
    useLayoutEffect(() => {
        const list = messages.value;
        const question = list.at(-2);
        const key = list.at(-1)?.heard?.key ?? list.at(-1)?.id;
        if (phase.value !== "sending" || !question || !key || key === asked.current) return;
        asked.current = key;
        follows.current = false;
        const shown = articleOf(question.id);
        if (!shown) return;
        const el = scroller.current!;
        el.style.setProperty("--room", `${Math.max(0, el.clientHeight - shown.offsetHeight - TOP - 24)}px`);
        el.scrollTop += shown.getBoundingClientRect().top - el.getBoundingClientRect().top - TOP;
        look();
    });

    // Heights are estimates until a message has been seen: who is at the end stays there.
    useEffect(() => {
        const sizes = new ResizeObserver(() => {
            if (!scroller.current) return;
            if (follows.current) toEnd();
            look();
        });
        sizes.observe(inner.current!);
        sizes.observe(scroller.current!);
        return () => sizes.disconnect();
    }, []);

    // What search has found, where it is shown; it may lie further up, or in a version that is not shown.
    const wanted = sought.value;
    const lookFor = async (id: string) => {
        if (!articleOf(id)) await loadAll();
        follows.current = false;
        // Once more when it has been drawn, and heights are no estimates any longer.
        const show = (more: number) => requestAnimationFrame(() => {
            const there = scroller.current && articleOf(id);
            there?.scrollIntoView({ block: "start" });
            if (more) show(more - 1);
            else there?.focus({ preventScroll: true });
        });
        show(2);
    };
    useEffect(() => {
        if (!wanted || loading.value || !messages.value.length) return;
        sought.value = null;
        void lookFor(wanted);
    }, [wanted, loading.value, messages.value.length]);

    useSignalEffect(() => {
        void pulse.value;
        void messages.value;
        requestAnimationFrame(() => scroller.current && look());
    });

    const loadOlderKept = async () => {
        const el = scroller.current!;
        const first = inner.current!.querySelector<HTMLElement>("article");
        const at = first?.getBoundingClientRect().top ?? 0;
        await loadOlder();
        requestAnimationFrame(() => {
            if (first?.isConnected) el.scrollTop += first.getBoundingClientRect().top - at;
            onScroll();
        });
    };
    const onScroll = () => {
        look();
        remember();
        if (older.value && scroller.current!.scrollTop < 400) void loadOlderKept();
    };
    const letGo = (e: Event) => {
        if (e instanceof WheelEvent && e.deltaY >= 0) return;
        if (e instanceof KeyboardEvent) {
            if (e.key === "End") {
                e.preventDefault();
                follows.current = true;
                toEnd();
            }
            if (!["ArrowUp", "PageUp", "Home"].includes(e.key)) return;
        }
        follows.current = false;
    };

    const list = messages.value;
    const live = phase.value !== "idle";
    return (
        <div class="thread-frame">
            <div
                ref={scroller} class="thread" role="log" aria-live="off" aria-label={t("thread")} aria-busy={loading.value} tabIndex={0}
                onScroll={onScroll} onWheel={letGo} onTouchMove={letGo} onKeyDown={letGo} onPointerDown={(e) => e.target === scroller.current && (follows.current = false)}
            >
                {older.value && <div class="older" />}
                {loading.value && <Skeleton />}
                {missing.value && <Missing />}
                <div ref={inner} class="messages">
                    {list.map((m, i) => {
                        const last = i === list.length - 1;
                        const key = m.heard?.key ?? m.id;
                        return m.role === "user" ? (
                            <UserMessage key={key} message={m} onEdit={onEdit} pale={phase.value === "sending" && i === list.length - 2} />
                        ) : (
                            <Answer key={key} message={m} live={live && last} last={last} />
                        );
                    })}
                </div>
            </div>
            {far && (
                <button
                    type="button"
                    class="latest"
                    onClick={() => {
                        follows.current = true;
                        toEnd();
                    }}
                >
                    <Icon name="down" /> {t("latest")}
                </button>
            )}
        </div>
    );
}
