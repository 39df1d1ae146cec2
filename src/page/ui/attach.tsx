// SPDX-License-Identifier: Apache-2.0
//
// Files that belong to a message which is not sent yet.
import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ApiError } from "../api";
import { t } from "../i18n";
import type { Attached } from "../keep";
import { IconButton } from "./dialog";
import { Icon } from "./icons";

/** One that is on its way, or was refused, has no `done`. */
export interface Attachment {
    key: number;
    name: string;
    size: number;
    done?: Attached;
    progress?: number;
    failed?: string;
    abort?: AbortController;
}

/** Beyond this a text that is pasted is a file. */
const LONG_PASTE = 4000;

let keys = 0;
export const attachments = signal<Attachment[]>([]);
export const uploading = (): boolean => attachments.value.some((a) => !a.done && !a.failed);
export const attached = (): Attached[] => attachments.value.flatMap((a) => (a.done ? [a.done] : []));

const patch = (key: number, change: Partial<Attachment>) => (attachments.value = attachments.value.map((a) => (a.key === key ? { ...a, ...change } : a)));

/** Those of a draft are here already. */
export const restore = (files: Attached[]): void =>
    void (attachments.value = files.map((f) => ({ key: ++keys, name: f.name, size: f.size, done: f })));

export async function attach(files: File[]): Promise<void> {
    const { upload } = await import("../uploads");
    await Promise.all(files.map(async (file) => {
        const a: Attachment = { key: ++keys, name: file.name || t("attach.file"), size: file.size, progress: 0, abort: new AbortController() };
        attachments.value = [...attachments.value, a];
        try {
            patch(a.key, { done: await upload(file, (progress) => patch(a.key, { progress }), a.abort!.signal) });
        } catch (e) {
            if (e instanceof ApiError) patch(a.key, { failed: e.status === 0 ? t("attach.offline") : e.message || t("attach.failed") });
        }
    }));
}

function remove(a: Attachment): void {
    a.abort?.abort();
    attachments.value = attachments.value.filter((o) => o.key !== a.key);
    if (a.done) void import("../uploads").then((u) => u.removeUpload(a.done!.id));
}

/** What is pasted or dropped and no short text; true: it is taken care of. */
export function take(data: DataTransfer | null): boolean {
    const files = [...(data?.files ?? [])];
    const text = files.length ? "" : (data?.getData("text/plain") ?? "");
    if (text.length > LONG_PASTE) files.push(new File([text], t("attach.pasted"), { type: "text/plain" }));
    if (files.length) void attach(files);
    return files.length > 0;
}

export const bytes = (n: number): string => (n < 1000 ? `${n} B` : n < 1e6 ? `${Math.round(n / 1000)} KB` : `${(n / 1e6).toFixed(1)} MB`);

export function Attachments() {
    if (!attachments.value.length) return null;
    return (
        <ul class="attachments" aria-label={t("attach.list")}>
            {attachments.value.map((a) => (
                <li key={a.key} class={a.failed ? "failed" : ""}>
                    <Icon name="clip" />
                    <span dir="auto">{a.name}</span>
                    <small role={a.failed ? "alert" : undefined}>
                        {a.failed ?? (a.done ? bytes(a.size) : <progress max={1} value={a.progress} aria-label={t("attach.progress", { name: a.name })} />)}
                    </small>
                    <IconButton icon="close" label={t("attach.remove", { name: a.name })} onClick={() => remove(a)} />
                </li>
            ))}
        </ul>
    );
}

/** The button beside the field; its input is there, so that what drives a browser finds it. */
export function AttachButton({ disabled }: { disabled: boolean }) {
    const input = useRef<HTMLInputElement>(null);
    return (
        <>
            <IconButton icon="clip" label={t("attach")} disabled={disabled} onClick={() => input.current!.click()} />
            <input
                ref={input} type="file" multiple hidden aria-label={t("attach")}
                onChange={(e) => {
                    void attach([...(e.currentTarget.files ?? [])]);
                    e.currentTarget.value = "";
                }}
            />
        </>
    );
}
