// SPDX-License-Identifier: Apache-2.0
//
// The conversation, and how it scrolls: a question goes to the top once, and the
// answer grows into the room below it. Nobody's eye is moved after that, unless
// the reader goes to the end himself.
import { useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../api";
import { t } from "../i18n";
import { conversationId, loading, loadOlder, messages, missing, older, phase, pulse } from "../thread";
import { Icon } from "./icons";
import { Answer, UserMessage } from "./message";

const NEAR_END = 48;

function Skeleton() {
    return (
        <div class="skeleton" aria-hidden="true">
            {[60, 92, 85, 40].map((w) => (
                <span key={w} data-width={w} />
            ))}
        </div>
    );
}

export function Thread({ onEdit }: { onEdit: (m: Message) => void }) {
    const scroller = useRef<HTMLDivElement>(null);
    const spacer = useRef<HTMLDivElement>(null);
    const follows = useRef(false);
    const asked = useRef("");
    const opened = useRef<string | null>(null);
    const [far, setFar] = useState(false);

    const toEnd = () => scroller.current && (scroller.current.scrollTop = scroller.current.scrollHeight);
    const look = () => {
        const el = scroller.current!;
        setFar(el.scrollHeight - el.scrollTop - el.clientHeight - (spacer.current?.offsetHeight ?? 0) > NEAR_END);
    };

    // A conversation opens at its end.
    useLayoutEffect(() => {
        if (opened.current === conversationId.value || loading.value) return;
        opened.current = conversationId.value;
        if (phase.value === "idle") toEnd();
    }, [conversationId.value, loading.value]);

    // What was just asked goes to the top, and has a window of room below.
    useLayoutEffect(() => {
        const question = messages.value.at(-2);
        if (phase.value !== "sending" || !question || question.id === asked.current) return;
        asked.current = question.id;
        follows.current = false;
        const el = scroller.current!;
        const shown = [...el.querySelectorAll<HTMLElement>("article.user")].at(-1);
        if (!shown) return;
        spacer.current!.style.height = `${Math.max(0, el.clientHeight - shown.offsetHeight - 24)}px`;
        el.scrollTop = shown.offsetTop - 12;
    });

    useSignalEffect(() => {
        void pulse.value;
        requestAnimationFrame(() => {
            if (!scroller.current) return;
            if (follows.current) toEnd();
            look();
        });
    });

    const onScroll = () => {
        look();
        if (scroller.current!.scrollTop < 400) void loadOlderKept();
    };
    const loadOlderKept = async () => {
        const el = scroller.current!;
        const fromEnd = el.scrollHeight - el.scrollTop;
        await loadOlder();
        requestAnimationFrame(() => (el.scrollTop = el.scrollHeight - fromEnd));
    };
    const letGo = (e: Event) => {
        if (e instanceof WheelEvent && e.deltaY >= 0) return;
        if (e instanceof KeyboardEvent) {
            if (e.key === "End") follows.current = true;
            if (!["ArrowUp", "PageUp", "Home"].includes(e.key)) return;
        }
        follows.current = false;
    };

    const list = messages.value;
    const live = phase.value !== "idle";
    return (
        <div class="thread-frame">
            <div ref={scroller} class="thread" role="log" aria-live="off" aria-label={t("thread")} tabIndex={0} onScroll={onScroll} onWheel={letGo} onTouchMove={letGo} onKeyDown={letGo}>
                {older.value && <div class="older" />}
                {loading.value && <Skeleton />}
                {missing.value && <p class="missing">{t(missing.value.status === 404 || missing.value.status === 400 ? "error.gone" : "error.away")}</p>}
                {list.map((m, i) =>
                    m.role === "user" ? (
                        <UserMessage key={m.id} message={m} onEdit={onEdit} />
                    ) : (
                        <Answer key={i === list.length - 1 && live ? "live" : m.id} message={m} live={live && i === list.length - 1} />
                    ),
                )}
                <div ref={spacer} class="spacer" />
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
