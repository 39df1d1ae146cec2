// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Shared } from "../api";
import { language, t } from "../i18n";
import { Answer, UserMessage } from "./message";

/** What somebody shared: to be read, copied and printed. */
export default function SharedPage({ id }: { id: string }) {
    const [shared, show] = useState<Shared | ApiError | null>(null);
    useEffect(() => void api.shared(id).then(show, (e: unknown) => e instanceof ApiError && show(e)), [id]);
    if (!shared) return <main class="shared" aria-busy="true" />;
    if (shared instanceof ApiError) {
        return (
            <main class="shared">
                <p class="missing">{t(shared.status === 404 || shared.status === 410 || shared.status === 400 ? "shared.gone" : "error.away")}</p>
                <p><a class="button" href="#/">{t("shared.start")}</a></p>
            </main>
        );
    }
    const message = (m: Shared["messages"][number], i: number) => ({
        ...m, id: String(i), parentId: null, status: "complete" as const, siblings: 1, siblingIndex: 1,
    });
    return (
        <main class="shared">
            <header>
                <h1 dir="auto">{shared.title || t("untitled")}</h1>
                <p>{t("shared.on", { date: new Date(shared.createdAt).toLocaleDateString(language.value, { dateStyle: "long" }) })}</p>
                <p class="no-print">
                    <button type="button" onClick={() => print()}>{t("print")}</button> <a class="button" href="#/">{t("shared.start")}</a>
                </p>
            </header>
            {shared.messages.map((m, i) =>
                m.role === "user" ? <UserMessage key={i} message={message(m, i)} /> : <Answer key={i} message={message(m, i)} live={false} readOnly />,
            )}
        </main>
    );
}
