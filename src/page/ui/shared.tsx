// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Message } from "../api";
import { dateTime, t } from "../i18n";
import "../i18n/en-seldom";
import { more, type Shared } from "../more";
import { blank, textOf } from "../thread";
import { copyText } from "./copy";
import { Answer, UserMessage } from "./message";

function CopyAll({ shared }: { shared: Shared }) {
    const [says, say] = useState("");
    const all = () => shared.messages.map((m) => `## ${m.role === "user" ? t("you") : (m.model ?? t("assistant"))}\n\n${textOf(m)}`).join("\n\n");
    return <button type="button" onClick={async () => say(t((await copyText(all())) ? "copied" : "copy.failed"))}>{says || t("copy.all")}</button>;
}

/** What somebody shared: to be read, copied and printed. */
export default function SharedPage({ id }: { id: string }) {
    const [shared, show] = useState<Shared | ApiError | null>(null);
    useEffect(() => {
        if (shared && !(shared instanceof ApiError)) document.title = shared.title || t("untitled");
    }, [shared]);
    useEffect(() => document.head.append(Object.assign(document.createElement("meta"), { name: "robots", content: "noindex" })), []);
    useEffect(() => void more.shared(id).then(show, (e: unknown) => e instanceof ApiError && show(e)), [id]);
    if (!shared) return <main class="shared" aria-busy="true" />;
    if (shared instanceof ApiError) {
        return (
            <main class="shared">
                <h1 class="missing">{t(shared.status === 404 || shared.status === 410 || shared.status === 400 ? "shared.gone" : "error.away")}</h1>
                <p><a class="button" href="#/">{t("shared.start")}</a></p>
            </main>
        );
    }
    const message = (m: Shared["messages"][number], i: number): Message => ({ ...blank(m.role, String(i), null, m.parts, "complete"), model: m.model ?? null });
    return (
        <main class="shared">
            <header>
                <h1 dir="auto">{shared.title || t("untitled")}</h1>
                <p>{t(shared.mode === "live" ? "shared.live" : "shared.on", { date: dateTime(shared.createdAt, { dateStyle: "long" }) })}</p>
                <p class="no-print">
                    <CopyAll shared={shared} /> <button type="button" onClick={() => print()}>{t("print")}</button> <a class="button" href="#/">{t("shared.start")}</a>
                </p>
            </header>
            {shared.messages.map((m, i) =>
                m.role === "user" ? <UserMessage key={i} message={message(m, i)} /> : <Answer key={i} message={message(m, i)} live={false} readOnly />,
            )}
        </main>
    );
}
