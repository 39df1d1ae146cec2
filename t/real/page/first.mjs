// SPDX-License-Identifier: Apache-2.0
//
// What there is before the page's script has come, which is held back here: the
// frame is drawn, it says no word of another language, what is written in it stays
// as it is when the page takes over, and nothing moves then.
import { askFor, axe, button, composer, conversationOf, DESKTOP, is, lastAnswer, ok, PHONE, picture, run, settled, sticking, task, until, visit, wholePage } from "./lib.mjs";

const SCRIPT = /\/assets\/page-[\w-]+\.js$/;

/** A page whose script waits for `come()`; `keep`: what this browser has kept of earlier visits. */
async function waiting(user, { keep = {}, hold = SCRIPT, ...options } = {}) {
    let come;
    const held = new Promise((resolve) => (come = resolve));
    const page = await visit(user, {
        ...options, whole: false,
        before: async (context) => {
            await context.route(hold, async (route) => {
                await held;
                await route.continue();
            });
            await context.addInitScript((keep) => {
                window.moved = [];
                new PerformanceObserver((list) => {
                    for (const e of list.getEntries()) window.moved.push(...e.sources.map((s) => `${e.value.toFixed(4)} ${s.node?.nodeName}.${s.node?.className} ${JSON.stringify(s.previousRect)} ${JSON.stringify(s.currentRect)}`));
                }).observe({ type: "layout-shift", buffered: true });
                for (const [name, value] of Object.entries(keep)) if (localStorage.getItem(name) === null) localStorage.setItem(name, JSON.stringify(value));
            }, keep);
        },
    });
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    return { page, come: async () => (come(), await wholePage(page)) };
}

/** Where the parts stand that the frame and the page have both. */
const boxes = (page) => page.evaluate(() => Object.fromEntries([".shell", "aside", ".new", ".find", "main", ".top", ".composer", "#composer", ".send"].map((selector) => {
    const box = document.querySelector(selector).getBoundingClientRect();
    return [selector, [box.x, box.y, box.width, box.height].map(Math.round)];
})));

/** The network is at rest, and what came of it is drawn. */
async function rest(page) {
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
}

async function written(up, name, options) {
    const { page, come } = await waiting("eve", options);
    const field = composer(page);
    is(await page.evaluate(() => document.body.innerText.trim()), "", `${name}: the frame says nothing, in no language`);
    ok(await button(page, "Send").isDisabled(), "... cannot be sent");
    await axe(page, `the frame of the page, ${name}`);
    is(await sticking(page), [], "... nothing sticks out of it");
    await picture(page, `first-${name}`);
    await field.click();
    await page.keyboard.type("What I wrote first");
    await page.evaluate(() => {
        const field = document.querySelector("#composer");
        field.setSelectionRange(5, 7);
        window.was = field;
    });
    const before = await boxes(page);
    await come();
    is(await page.evaluate(() => {
        const field = document.querySelector("#composer");
        return [field === window.was, document.activeElement === field, field.value, field.selectionStart, field.selectionEnd];
    }), [true, true, "What I wrote first", 5, 7], "what was written stays, with the focus and what was selected");
    await rest(page);
    is(await boxes(page), before, "... and all stands where it stood");
    is(await page.evaluate(() => window.moved), [], "... nothing has moved");
    await page.keyboard.type("you ");
    const called = up.expect("What you wrote first");
    await button(page, "Send").click();
    await (await called).end("I see.");
    ok(true, "... and it is sent as one went on writing it");
    await settled(page);
    is(await composer(page).inputValue(), "", "... and no draft any more");
}

const phone = (up) => written(up, "phone", { ...PHONE });
const dark = (up) => written(up, "dark", { ...PHONE, colorScheme: "dark" });
const small = (up) => written(up, "small", { ...PHONE, viewport: { width: 320, height: 568 } });
const desktop = (up) => written(up, "desktop", DESKTOP);
const alone = (up) => written(up, "alone", { ...DESKTOP, keep: { "chat.settings": { sidebar: false } } });

async function guest() {
    for (const [name, options] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
        const { page, come } = await waiting(undefined, options);
        await come();
        await page.getByText("You are a guest").waitFor();
        await rest(page);
        is(await page.evaluate(() => window.moved), [], `nothing moves for a guest, ${name}`);
    }
}

async function composed() {
    const { page, come } = await waiting("eve");
    const debug = await page.context().newCDPSession(page);
    ok(await page.evaluate(() => document.activeElement?.id === "composer"), "on a desktop one may write at once");
    await page.evaluate(() => {
        window.ended = 0;
        document.querySelector("#composer").addEventListener("compositionend", () => window.ended++);
    });
    await debug.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
    await come();
    await rest(page);
    is(await page.evaluate(() => [window.ended, document.querySelector("#composer").value]), [0, "にほ"], "what an input method composes goes on being composed");
    await debug.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
    await debug.send("Input.insertText", { text: "日本" });
    is(await composer(page).inputValue(), "日本", "... and is what it becomes");
    await composer(page).fill("");
}

async function drafts() {
    const { page, come } = await waiting("bob", { ...PHONE });
    await composer(page).fill("written, and the page never came");
    await page.reload({ waitUntil: "commit" });
    await until("the draft in the frame", async () => (await composer(page).inputValue()) === "written, and the page never came");
    ok(true, "what was written in the frame is in it again after a reload");
    await composer(page).fill("written twice");
    await come();
    is(await composer(page).inputValue(), "written twice", "... and in the page");
    await composer(page).fill("");
    await askFor(page, "for an address of its own");
    await settled(page);
    const id = await conversationOf(page);
    await page.close();

    const again = await waiting("bob", { ...PHONE, at: `#/c/${id}` });
    await composer(again.page).fill("of this conversation");
    await again.page.evaluate(() => {
        window.greeted = false;
        new MutationObserver(() => (window.greeted ||= document.querySelector(".ideas") !== null)).observe(document.body, { childList: true, subtree: true });
    });
    await again.come();
    await again.page.getByText("You said: for an address").waitFor();
    is([await composer(again.page).inputValue(), await again.page.evaluate(() => window.greeted)], ["of this conversation", false], "what is written to a conversation is its draft, and nobody is greeted in it");
    await again.page.evaluate(() => (location.hash = "#/"));
    await until("an empty field", async () => (await composer(again.page).inputValue()) === "");
}

async function comesBack() {
    const page = await visit("eve", { ...PHONE, whole: false, before: (context) => context.route(SCRIPT, (route) => route.abort(), { times: 1 }) });
    await page.waitForFunction(() => document.documentElement.dir);
    await composer(page).fill("written in a tunnel");
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await wholePage(page);
    is(await composer(page).inputValue(), "written in a tunnel", "a page whose script was not to be had comes by itself when there is a network, with what was written");
    await page.evaluate(() => {
        window.same = true;
        dispatchEvent(new Event("online"));
    });
    await composer(page).fill("");
    ok(await page.evaluate(() => window.same), "... and stays when it is there");
}

async function dressed() {
    const ground = (page) => page.evaluate(() => getComputedStyle(document.querySelector("main")).backgroundColor);
    const light = await waiting("eve", { keep: { "chat.settings": { theme: "light" } }, colorScheme: "dark" });
    const dark = await waiting("eve", { keep: { "chat.settings": { theme: "dark", language: "ar" } }, colorScheme: "light" });
    is([await ground(light.page), await ground(dark.page)], ["rgb(252, 252, 250)", "rgb(21, 23, 21)"], "the frame has the colours that the user chose");
    const sidebar = (page) => page.evaluate(() => document.querySelector("aside").getBoundingClientRect().x);
    ok((await sidebar(dark.page)) > 0, "... and is written from the right where his language is");
    await dark.come();
    await rest(dark.page);
    is([await dark.page.evaluate(() => document.documentElement.lang), await dark.page.evaluate(() => window.moved)], ["ar", []], "... which the page goes on with, and nothing moves");
    for (const at of ["#/s/abc", "#/admin/models"]) {
        const page = await visit("ann", { at, whole: false, before: (context) => context.route(SCRIPT, () => undefined) });
        await page.waitForFunction(() => document.documentElement.dir);
        is(await page.locator("#composer").count(), 0, `${at}: where nobody writes is no field`);
    }
}

async function languages() {
    const seen = async (options) => {
        const { page, come } = await waiting("eve", { locale: "de-DE", ...options });
        await page.evaluate(() => {
            window.said = [];
            new MutationObserver(() => document.querySelector("h2") && window.said.push(document.querySelector(".empty h2")?.innerText)).observe(document.body, { childList: true, subtree: true, characterData: true });
        });
        await come();
        await page.locator(".empty h2").waitFor();
        await rest(page);
        return page.evaluate(() => [...new Set(window.said)]);
    };
    is(await seen(), ["Womit kann ich helfen?"], "a page in another language never says a word in English");
    const page = await visit("eve", { locale: "de-DE", before: (context) => context.route(/\/assets\/de-/, (route) => route.abort()) });
    await page.getByText("What can I help with?").waitFor();
    is(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), ["en", "ltr"], "... but where its words cannot be had");
}

async function withoutScript() {
    const page = await visit(undefined, { ...PHONE, whole: false, javaScriptEnabled: false });
    await page.locator("noscript p", { hasText: "JavaScript" }).waitFor();
    is(await page.locator("#composer:visible").count(), 0, "without scripts the page says so, and has no field that does nothing");
}

run([{ phone, dark, small, desktop, alone, guest, composed, drafts, comesBack, dressed, languages, withoutScript }]);
