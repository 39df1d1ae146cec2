// SPDX-License-Identifier: Apache-2.0
//
// What stands before the page itself is here: the frame of index.html, as this user
// has it, in which one may write already. It is drawn when this has run, which is
// small, and comes beside the style.
import { address } from "./address";
import { languageOf, wordsOf, writesTo } from "./i18n/languages";
import { draftOf, keepDraft, loadSettings } from "./keep";

const { theme, size, sidebar, language } = loadSettings();
const choice = languageOf(language);
const root = document.documentElement;
root.dataset.theme = theme;
root.dataset.size = size;
// Its words say what language it is, when they are there.
root.dir = writesTo(choice);
void wordsOf(choice).catch(() => undefined);

/** Where the page is to be. */
export const app = document.getElementById("app")!;

const { what, id } = address();
const draft = id ?? "";
const find = <E extends HTMLElement>(selector: string) => app.querySelector<E>(selector)!;

function keep(): void {
    keepDraft(draft, { ...draftOf(draft), text: find<HTMLTextAreaElement>("textarea").value, queued: false });
}

function dress(): void {
    const wide = matchMedia("(min-width: 768px)").matches;
    find(".shell").classList.toggle("alone", !sidebar);
    find("aside").hidden = !sidebar;
    if (wide && sidebar) find(".top button").remove();
    if (what === "admin") return find("main").replaceChildren();
    const field = find<HTMLTextAreaElement>("textarea");
    // A browser that does not wait for this script may have let one write before it.
    if (field.value) keep();
    else field.value = draftOf(draft).text;
    field.addEventListener("input", keep);
    // No keyboard pops up on a phone by itself.
    if (wide) field.focus();
}

if (what === "shared" && id) app.replaceChildren();
else dress();

// Where the script of the page was not to be had, it is asked for again as soon as there is a network.
const again = () => location.reload();
addEventListener("online", again);

/** The page is here: from now on it keeps what is written. */
export function takeOver(): void {
    app.querySelector("textarea")?.removeEventListener("input", keep);
    removeEventListener("online", again);
    app.removeAttribute("data-shell");
}
