// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { said } from "../api";
import { dateTime, t } from "../i18n";
import "../i18n/en-seldom";
import { more, type Share as Link } from "../more";
import { conversationId } from "../thread";
import { copyText } from "./copy";
import { Dialog } from "./dialog";

const address = (link: Link) => new URL(`#/s/${link.id}`, location.href.replace(/#.*/, "")).href;
const DAYS = ["", "1", "7", "30"];

export default function Share({ onClose }: { onClose: () => void }) {
    const id = conversationId.value!;
    const [links, show] = useState<Link[] | null>(null);
    const [says, say] = useState("");
    const [days, choose] = useState("");
    const [model, tell] = useState(true);
    const load = () => more.shares(id).then((p) => show(p.data)).catch((e: unknown) => say(said(e)));
    useEffect(() => void load(), [id]);
    const act = (what: () => Promise<unknown>, done = "") => what().then(() => load()).then(() => say(done), (e: unknown) => say(said(e)));
    const make = () =>
        act(async () => {
            const link = await more.share(id, { showModel: model, ...(days && { expiresAt: new Date(Date.now() + Number(days) * 86400000).toISOString() }) });
            await copyText(address(link));
        }, t("share.copied"));
    return (
        <Dialog title={t("share")} class="share" onClose={onClose}>
            <p>{t("share.made")}</p>
            {links && !links.length && <p class="hint">{t("share.none")}</p>}
            <ul aria-label={t("share.links")}>
                {links?.map((link) => (
                    <li key={link.id}>
                        <input readOnly value={address(link)} aria-label={t("share.link")} onFocus={(e) => e.currentTarget.select()} />
                        <button type="button" onClick={async () => say(t((await copyText(address(link))) ? "copied" : "copy.failed"))}>{t("share.copy")}</button>
                        <button type="button" class="danger" onClick={() => void act(() => more.unshare(id, link.id), t("share.revoked"))}>{t("share.revoke")}</button>
                        <small>
                            {t("share.since", { date: dateTime(link.createdAt) })}{link.expiresAt && ` · ${t("share.until", { date: dateTime(link.expiresAt) })}`}
                        </small>
                    </li>
                ))}
            </ul>
            <form
                class="form"
                onSubmit={(e) => {
                    e.preventDefault();
                    void make();
                }}
            >
                <label class="field">
                    <span>{t("share.ends")}</span>
                    <select value={days} onChange={(e) => choose(e.currentTarget.value)}>
                        {DAYS.map((d) => <option key={d} value={d}>{d ? t("share.days", { n: d }) : t("share.never")}</option>)}
                    </select>
                </label>
                <label class="check">
                    <input type="checkbox" checked={model} onChange={(e) => tell(e.currentTarget.checked)} /> {t("share.model")}
                </label>
                <p class="row"><button type="submit" class="primary">{t("share.make")}</button></p>
            </form>
            <p role="status">{says}</p>
        </Dialog>
    );
}
