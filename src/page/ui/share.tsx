// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Share as Link } from "../api";
import { t } from "../i18n";
import { conversationId } from "../thread";
import { copyText } from "./copy";
import { Dialog } from "./dialog";

const address = (link: Link) => new URL(`#/s/${link.id}`, location.href.replace(/#.*/, "")).href;

export default function Share({ onClose }: { onClose: () => void }) {
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
