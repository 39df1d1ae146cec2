// SPDX-License-Identifier: Apache-2.0
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { MarkdownView } from "../md/render";
import { held, pulse } from "../thread";

/** A flush that took longer than this is not made in each frame. */
const SLOW_MS = 8;
const SLOW_EVERY = 33;

/** `read` gives the text as it is now; while it is `live` it is read again whenever there is more, once a frame. */
export function Markdown({ read, live }: { read: () => string; live: boolean }) {
    const root = useRef<HTMLDivElement>(null);
    const view = useRef<MarkdownView | null>(null);
    useLayoutEffect(() => {
        view.current ??= new MarkdownView(root.current!, (waits) => (held.value += waits ? 1 : -1));
        view.current.update(read(), !live);
    });
    useEffect(() => {
        if (!live) return;
        let frame = 0;
        let timer = 0;
        let cost = 0;
        const draw = () => {
            frame = 0;
            const before = performance.now();
            view.current!.update(read(), false);
            cost = performance.now() - before;
        };
        const stop = pulse.subscribe(() => {
            if (frame || timer) return;
            if (cost <= SLOW_MS) frame = requestAnimationFrame(draw);
            else timer = window.setTimeout(() => ((timer = 0), (frame = requestAnimationFrame(draw))), SLOW_EVERY);
        });
        return () => {
            stop();
            cancelAnimationFrame(frame);
            clearTimeout(timer);
        };
    }, [live]);
    return <div ref={root} class="markdown" dir="auto" />;
}
