// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Share as Link, type Shared } from "../api";
import { language, t } from "../i18n";
import { conversationId } from "../thread";
import { copyText } from "./copy";
import { Dialog } from "./dialog";
import { Answer, UserMessage } from "./message";

const address = (link: Link) => new URL(`#/s/${link.id}`, location.href.replace(/#.*/, "")).href;

export function Share({ onClose }: { onClose: () => void }) {
    const id = conversationId.value!;
    const [links, show] = useState<Link[] | null>(null);
    const [said, say] = useState("");
    const load = () => api.shares(id).then((p) => show(p.data)).catch((e: unknown) => say(e instanceof ApiError ? e.message : ""));
    useEffect(() => void load(), [id]);
    const make = async () => {
        try {
            await api.share(id);
            await load();
        } catch (e) {
            say(e instanceof ApiError ? e.message : "");
        }
    };
    return (
        <Dialog title={t("share")} class="share" onClose={onClose}>
            <p>{links?.length ? t("share.made") : t("share.none")}</p>
            <ul>
                {links?.map((link) => (
                    <li key={link.id}>
                        <input readOnly value={address(link)} aria-label={t("share")} onFocus={(e) => e.currentTarget.select()} />
                        <button type="button" onClick={async () => say(t((await copyText(address(link))) ? "copied" : "copy.failed"))}>{t("share.copy")}</button>
                        <button type="button" class="danger" onClick={() => void api.unshare(id, link.id).then(load)}>{t("share.revoke")}</button>
                    </li>
                ))}
            </ul>
            <button type="button" class="primary" onClick={() => void make()}>{t("share.make")}</button>
            <p role="status">{said}</p>
        </Dialog>
    );
}

/** What somebody shared: to be read, copied and printed. */
export function SharedPage({ id }: { id: string }) {
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
