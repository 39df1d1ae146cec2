// SPDX-License-Identifier: Apache-2.0
//
// What one can do with a conversation, in its row and in its head.
import type { Conversation } from "../api";
import { dialog, has } from "../app";
import { archive, change, remove } from "../conversations";
import { t } from "../i18n";
import { go } from "../route";
import { conversationId, loadAll } from "../thread";
import type { MenuItem } from "./dialog";

/** A file that the server makes, by its own name. */
export async function saveExport(id: string | null, format: string): Promise<void> {
    const { exportUrl } = await import("../more");
    const a = document.createElement("a");
    a.href = exportUrl(id, format);
    a.download = "";
    a.click();
}

/** With all of its messages, also those that were not shown yet. */
async function printAll(): Promise<void> {
    await loadAll();
    requestAnimationFrame(() => print());
}

export function conversationItems(c: Conversation, rename?: () => void): MenuItem[] {
    const here = c.id === conversationId.value;
    const leave = () => c.id === conversationId.value && go(null);
    return [
        ...(rename ? [{ label: t("rename"), act: rename }] : []),
        ...(here ? [{ label: t("chat.settings"), act: () => (dialog.value = { name: "chat" }) }] : []),
        { label: t(c.pinned ? "unpin" : "pin"), act: () => void change(c, { pinned: !c.pinned }) },
        ...(has("shares") ? [{ label: t("share"), act: () => (go(c.id), (dialog.value = { name: "share" })) }] : []),
        { label: t("export.md"), act: () => void saveExport(c.id, "markdown") },
        { label: t("export.json"), act: () => void saveExport(c.id, "json") },
        ...(here ? [{ label: t("print"), act: () => void printAll() }] : []),
        c.archived ? { label: t("unarchive"), act: () => void change(c, { archived: false }) } : { label: t("archive"), act: () => void archive(c).then(leave) },
        { label: t("delete"), act: () => void remove(c).then(leave), danger: true },
    ];
}
