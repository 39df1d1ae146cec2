// SPDX-License-Identifier: Apache-2.0

/** Copies also where the page is not https, and the clipboard is not offered. */
export async function copyText(text: string): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return copyBySelection(text);
    }
}

function copyBySelection(text: string): boolean {
    const field = document.createElement("textarea");
    const had = document.activeElement as HTMLElement | null;
    field.value = text;
    field.className = "offscreen";
    // A dialog that is open makes all outside of it inert.
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    had?.focus();
    return done;
}

export function download(name: string, text: string, type: string): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const a = document.createElement("a");
    a.href = url;
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}
