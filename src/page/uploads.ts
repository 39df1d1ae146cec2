// SPDX-License-Identifier: Apache-2.0
//
// A file on its way to the server, or to the object store that the server names.
import { ApiError, json } from "./api";
import { me } from "./app";
import type { components } from "./api.d";
import { t } from "./i18n";
import type { Attached } from "./keep";
import { type Attachment, bytes } from "./ui/attach";

type S = components["schemas"];

/** A type for what browsers know no type of: code and the like is text. */
function typeOf(file: File): string {
    const type = file.type.split(";")[0]!;
    if (type && type !== "application/octet-stream") return type;
    return "text/plain";
}

/** What the server would refuse is not sent. */
function check(file: File): void {
    const types = me.value?.uploads?.types;
    const taken = types?.find((one) => one.mediaType === typeOf(file));
    if (types && !taken) throw new ApiError(415, "upload_type", t("attach.type"));
    if (taken && file.size > taken.maxBytes) throw new ApiError(413, "upload_too_large", t("attach.large", { size: bytes(taken.maxBytes) }));
}

/** fetch does not say how far an upload is. */
function put(wish: S["AnnouncedUpload"]["upload"], file: File, progress: (part: number) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const x = new XMLHttpRequest();
        x.open(wish.method, wish.url);
        for (const [name, value] of Object.entries(wish.headers)) x.setRequestHeader(name, value);
        x.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
        x.onload = () => {
            if (x.status >= 200 && x.status < 300) return resolve();
            let body: Record<string, unknown> = {};
            try {
                body = JSON.parse(x.responseText) as Record<string, unknown>;
            } catch {
                // An object store speaks XML, which says nothing to people.
            }
            reject(new ApiError(x.status, String(body.code ?? `http_${x.status}`), String(body.message ?? "")));
        };
        x.onerror = () => reject(new ApiError(0, "offline", ""));
        signal.addEventListener("abort", () => (x.abort(), reject(new DOMException("", "AbortError"))));
        x.send(file);
    });
}

async function send(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Attached> {
    check(file);
    const wish: S["NewUpload"] = { filename: file.name || "file", mediaType: typeOf(file), size: file.size };
    const announced = await json<S["AnnouncedUpload"]>("POST", "/uploads", wish, { signal });
    await put(announced.upload, file, progress, signal);
    const done = await json<S["Upload"]>("POST", `/uploads/${announced.id}/complete`, undefined, { signal });
    return { id: done.id, name: done.filename, mediaType: done.mediaType, size: done.size };
}

/** Ends when it has arrived, or is known not to; `tell` hears how far it is. */
export async function upload(file: File, tell: (a: Partial<Attachment>) => void, signal: AbortSignal): Promise<void> {
    try {
        tell({ done: await send(file, (progress) => tell({ progress }), signal) });
    } catch (e) {
        if (e instanceof ApiError) tell({ failed: e.status === 0 ? t("attach.offline") : e.message || t("attach.failed") });
    }
}

export const removeUpload = (id: string): void => void json<void>("DELETE", `/uploads/${id}`).catch(() => undefined);
