// SPDX-License-Identifier: Apache-2.0
//
// What was refused, and what one can do about it.
import { useEffect, useState } from "preact/hooks";
import type { ApiError, LimitLeft } from "../api";
import { dialog, has, model, models, signIn, choose, conversation, me } from "../app";
import { announce } from "../announce";
import { change } from "../conversations";
import { dateTime, t } from "../i18n";
import { begin, resume, stopElsewhere } from "../ask";
import { notice, type Notice } from "../thread";
import { amount } from "./money";

/** 0:42; what is longer than an hour is told in hours. */
export const clock = (seconds: number): string =>
    seconds > 3600 ? `${Math.ceil(seconds / 3600)} h` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

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

/** What a limit is called and when it opens; one that is far away has a time instead of a countdown. */
function limitSays(n: Notice, left: number): string {
    if (!left) return t("limit.open");
    // It is the provider's own.
    if (n.error.code.startsWith("upstream_")) return `${t("failed.busy")} ${t("send.in", { time: clock(left) })}`;
    if (left > 3600 && n.until) return t("limit.until", { when: dateTime(new Date(n.until).toISOString()) });
    return t("limit.wait", { time: clock(left) });
}

/** Which limit it was, where the server says so for programs. */
function limitIs(error: ApiError): string {
    const limit = error.body.limit as LimitLeft | undefined;
    return limit?.unit ? t("limit.is", { name: limit.name, limit: amount(limit.limit, limit.unit) }) : "";
}

function errorSays(n: Notice): string {
    const { error } = n;
    switch (error.code) {
        case "offline": return t("error.offline");
        case "cut": return t("error.cut");
        case "conversation_too_long": return t("error.full");
        case "content_blocked": return t("error.blocked");
        case "context_length_exceeded": return t("error.context");
        case "user_key_required": return t("error.key");
        case "user_key_rejected": return t("error.key.refused");
        case "model_forbidden":
        case "model_disabled":
        case "model_not_found": return t("error.model");
        case "store_unavailable": return t("error.away");
    }
    if (error.body.scope === "server" || (error.status === 503 && !error.code.startsWith("upstream_"))) return `${t("error.server")} ${error.message}`;
    if (error.status >= 500) return `${t("error.provider")} ${error.message}`;
    return error.message || t("error.unknown");
}

type Act = [label: string, act: () => void];

/** Another model that may be asked, as the server names it; else of another provider if there is one. */
const other = (named?: unknown) => models.value.find((m) => m.id === (named as string[] | undefined)?.[0]) ?? models.value.find((m) => m.available && m.provider !== model.value?.provider) ?? models.value.find((m) => m.available && m.id !== model.value?.id);

function actions({ kind, error }: Notice, retry: () => void): Act[] {
    const pick: Act = [t("limit.other"), () => (dialog.value = { name: "models" })];
    const usage: Act[] = has("usage") && !error.code.startsWith("upstream_") ? [[t("limit.see"), () => (dialog.value = { name: "settings", tab: "usage" })]] : [];
    if (kind === "limit") return [...(other() ? [pick] : []), ...usage];
    if (kind === "busy") return [[t("error.follow"), () => void resume()], [t("stop"), () => void stopElsewhere()]];
    if (kind === "archived") return [[t("unarchive"), () => void (conversation.value && change(conversation.value, { archived: false }).then(() => (notice.value = null, retry())))]];
    if (error.status === 401) return me.value?.signInUrl ? [[t("signin"), signIn]] : [];
    if (error.code === "conversation_too_long" || error.code === "context_length_exceeded") return [[t("new"), () => begin()]];
    if (error.code.startsWith("user_key")) return has("keys") ? [[t("settings.keys"), () => (dialog.value = { name: "settings", tab: "keys" })]] : [];
    if (error.code.startsWith("model_")) return [pick];
    if (error.body.retryable === false || error.status === 400 || error.status === 403 || error.status === 413) return [];
    const spare = error.status >= 500 && error.body.scope !== "server" ? other(error.body.models) : undefined;
    return [[t("error.retry"), retry], ...(spare ? [[t("error.try", { model: spare.label ?? spare.id }), () => (choose(spare), retry())] as Act] : [])];
}

export function NoticeLine({ retry }: { retry: () => void }) {
    const n = notice.value;
    const left = useLeft(n?.until);
    if (!n) return null;
    const { error, kind } = n;
    const says = kind === "limit" ? limitSays(n, left) : kind === "busy" ? t("error.busy") : kind === "archived" ? t("error.archived") : errorSays(n);
    return (
        <div class={`notice ${kind === "error" ? "danger" : "warn"}`} role="alert">
            <p>
                {says}
                {kind === "limit" && <small>{limitIs(error) || error.message}</small>}
                {kind === "error" && error.requestId && <small>{t("error.request", { id: error.requestId })}</small>}
            </p>
            {actions(n, retry).map(([label, act]) => {
                const waits = act === retry && left > 0;
                return <button key={label} type="button" disabled={waits} onClick={act}>{label}{waits && ` ${clock(left)}`}</button>;
            })}
            <button type="button" onClick={() => (notice.value = null)}>{t("close")}</button>
        </div>
    );
}
