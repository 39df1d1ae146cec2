// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { said } from "../api";
import { conversation } from "../app";
import { change } from "../conversations";
import { t } from "../i18n";
import "../i18n/en-seldom";
import { system } from "../thread";
import { Dialog, closeDialog } from "./dialog";

/** What belongs to one conversation: its title, and what its model is told first. */
export default function ChatSettings({ onClose }: { onClose: () => void }) {
    const c = conversation.value;
    const [title, name] = useState(c?.title ?? "");
    const [words, write] = useState(c?.system ?? system.value);
    const [failed, fail] = useState("");
    const save = async () => {
        try {
            if (c) await change(c, { title: title.trim() || null, system: words.trim() || null });
            else system.value = words.trim();
            closeDialog();
        } catch (e) {
            fail(said(e));
        }
    };
    return (
        <Dialog title={t(c ? "chat.settings" : "chat.instructions")} class="small" onClose={onClose}>
            <form
                class="form"
                onSubmit={(e) => {
                    e.preventDefault();
                    void save();
                }}
            >
                {c && (
                    <label class="field">
                        <span>{t("title.of")}</span>
                        <input value={title} maxLength={200} dir="auto" onInput={(e) => name(e.currentTarget.value)} />
                    </label>
                )}
                <label class="field">
                    <span>{t("chat.system")}</span>
                    <textarea rows={6} dir="auto" value={words} aria-describedby="chat-help" onInput={(e) => write(e.currentTarget.value)} />
                </label>
                <small id="chat-help">{t("chat.system.help")}</small>
                {failed && <p role="alert" class="wrong">{failed}</p>}
                <p class="row"><button type="submit" class="primary">{t("save")}</button></p>
            </form>
        </Dialog>
    );
}
