// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { dialog, me } from "../app";
import { announce } from "../announce";
import { t } from "../i18n";
import { open } from "../ask";
import { conversationId, notice } from "../thread";

export const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** Seconds until then; the only timer that an idle page has. */
export function useLeft(until: number | undefined): number {
    const [now, tick] = useState(Date.now());
    const left = until ? Math.max(0, Math.ceil((until - now) / 1000)) : 0;
    useEffect(() => {
        if (!until) return;
        tick(Date.now());
        const timer = setInterval(() => {
            tick(Date.now());
            const seconds = Math.ceil((until - Date.now()) / 1000);
            if (seconds === 10) announce("limit.wait", { time: clock(10) });
            if (seconds <= 0) {
                clearInterval(timer);
                announce("limit.open");
            }
        }, 1000);
        return () => clearInterval(timer);
    }, [until]);
    return left;
}

export function NoticeLine() {
    const n = notice.value;
    const left = useLeft(n?.until);
    if (!n) return null;
    const { error } = n;
    const says =
        n.kind === "limit" ? (left ? t("limit.wait", { time: clock(left) }) : t("limit.open"))
        : n.kind === "busy" ? t("error.busy")
        : error.code === "offline" ? t("error.offline")
        : error.code === "cut" ? t("error.cut")
        : error.status === 401 ? t("error.signin")
        : error.message;
    return (
        <div class={`notice ${n.kind === "error" ? "danger" : "warn"}`} role="alert">
            <p>
                {says}
                {n.kind === "limit" && error.message && <small>{error.message}</small>}
                {n.kind === "error" && error.requestId && <small>{t("error.request", { id: error.requestId })}</small>}
            </p>
            {n.kind === "limit" && <button type="button" onClick={() => (dialog.value = "models")}>{t("limit.other")}</button>}
            {n.kind === "busy" && (
                <button
                    type="button"
                    onClick={() => {
                        const id = conversationId.value;
                        notice.value = null;
                        void open(null).then(() => open(id));
                    }}
                >
                    {t("error.follow")}
                </button>
            )}
            {error.status === 401 && me.value?.signInUrl && <a class="button" href={me.value.signInUrl}>{t("signin")}</a>}
            <button type="button" onClick={() => (notice.value = null)}>{t("close")}</button>
        </div>
    );
}
