// SPDX-License-Identifier: Apache-2.0
//
// Files that belong to a message which is not sent yet.
import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { t } from "../i18n";
import { type Attached, draftOf, keepDraft } from "../keep";
import { IconButton } from "./dialog";
import { Icon } from "./icons";

/** One that is on its way, or was refused, has no `done`. */
export interface Attachment {
    key: number;
    /** Whose it is: one goes on arriving while another conversation is shown. */
    draft: string;
    name: string;
    done?: Attached;
    progress?: number;
    failed?: string;
    abort?: AbortController;
}

/** Beyond this a text that is pasted is a file. */
const LONG_PASTE = 4000;

let keys = 0;
/** Those of all drafts that this tab has shown. */
export const attachments = signal<Attachment[]>([]);
export const attachmentsOf = (draft: string): Attachment[] => attachments.value.filter((a) => a.draft === draft);
export const attached = (draft: string): Attached[] => attachmentsOf(draft).flatMap((a) => a.done ?? []);

/** What a draft keeps of them. */
export const filesOf = (draft: string) => ({
    files: attached(draft),
    unsent: attachmentsOf(draft).flatMap((a) => (a.done ? [] : { name: a.name, ...(a.failed && { why: a.failed }) })),
});
const keepFiles = (draft: string): void => keepDraft(draft, { ...draftOf(draft), ...filesOf(draft) });

export function add(a: Omit<Attachment, "key">): Attachment {
    const added = { key: ++keys, ...a };
    attachments.value = [...attachments.value, added];
    return added;
}

export function drop(draft: string, key?: number): void {
    attachments.value = attachments.value.filter((a) => a.draft !== draft || (key !== undefined && a.key !== key));
}

/** Those of a draft as it was kept, and those of a question that is asked anew, where they are not here already. */
export function restore(draft: string, said: Attached[]): void {
    if (attachmentsOf(draft).length) return;
    const { files = said, unsent = [] } = draftOf(draft);
    for (const done of files) add({ draft, name: done.name, done });
    for (const { name, why } of unsent) add({ draft, name, failed: why ?? t("attach.lost") });
}

export async function attach(draft: string, files: File[]): Promise<void> {
    const begun = files.map((file) => add({ draft, name: file.name || t("attach.file"), progress: 0, abort: new AbortController() }));
    keepFiles(draft);
    // What sends them may not come, either.
    const uploads = await import("../uploads").catch(() => null);
    await Promise.all(files.map(async (file, i) => {
        const { key, abort } = begun[i]!;
        const patch = (change: Partial<Attachment>) => (attachments.value = attachments.value.map((a) => (a.key === key ? { ...a, ...change } : a)));
        if (uploads) await uploads.upload(file, patch, abort!.signal);
        else patch({ failed: t("attach.offline") });
        keepFiles(draft);
    }));
}

function remove(a: Attachment): void {
    a.abort?.abort();
    drop(a.draft, a.key);
    keepFiles(a.draft);
    if (a.done && !a.done.used) void import("../uploads").then((u) => u.removeUpload(a.done!.id));
}

/** What is pasted or dropped and no short text; true: it is taken care of. */
export function take(draft: string, data: DataTransfer | null): boolean {
    const files = [...(data?.files ?? [])];
    const text = files.length ? "" : (data?.getData("text/plain") ?? "");
    if (text.length > LONG_PASTE) files.push(new File([text], t("attach.pasted"), { type: "text/plain" }));
    if (files.length) void attach(draft, files);
    return files.length > 0;
}

export const bytes = (n: number): string => (n < 1000 ? `${n} B` : n < 1e6 ? `${Math.round(n / 1000)} KB` : `${(n / 1e6).toFixed(1)} MB`);

export function Attachments({ draft }: { draft: string }) {
    const list = attachmentsOf(draft);
    if (!list.length) return null;
    return (
        <ul class="attachments" aria-label={t("attach.list")}>
            {list.map((a) => (
                <li key={a.key} class={a.failed ? "failed" : ""}>
                    <Icon name="clip" />
                    <span dir="auto">{a.name}</span>
                    <small role={a.failed ? "alert" : undefined}>
                        {a.failed ?? (a.done ? bytes(a.done.size) : <progress max={1} value={a.progress} aria-label={t("attach.progress", { name: a.name })} />)}
                    </small>
                    <IconButton icon="close" label={t("attach.remove", { name: a.name })} onClick={() => remove(a)} />
                </li>
            ))}
        </ul>
    );
}

/** The button beside the field; its input is there, so that what drives a browser finds it. */
export function AttachButton({ draft, disabled }: { draft: string; disabled: boolean }) {
    const input = useRef<HTMLInputElement>(null);
    return (
        <>
            <IconButton icon="clip" label={t("attach")} disabled={disabled} onClick={() => input.current!.click()} />
            <input
                ref={input} type="file" multiple hidden aria-label={t("attach")}
                onChange={(e) => {
                    void attach(draft, [...(e.currentTarget.files ?? [])]);
                    e.currentTarget.value = "";
                }}
            />
        </>
    );
}
