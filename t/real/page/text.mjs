// SPDX-License-Identifier: Apache-2.0
//
// What others wrote is text: whatever a model, a title, a file's name, an error or
// a shared conversation says, nothing of it runs, nothing is fetched; and what a
// reader has selected stays selected while more comes.
import { attacks } from "./attacks.mjs";
import { answers, api, askFor, button, composer, conversationOf, is, lastAnswer, ok, open, PHONE, run, settled, until, visit } from "./lib.mjs";

/** What is no text any more. */
function alive(page) {
    return page.evaluate(() => {
        const bad = [];
        for (const el of document.querySelectorAll("body *")) {
            // The page's own: pictures of its controls, and boxes of files.
            if (/^(?:script|iframe|object|embed|link|meta|base|style|video|audio|marquee|template|frame|applet)$/i.test(el.tagName)) bad.push(el.outerHTML.slice(0, 120));
            for (const a of el.attributes) {
                if (/^on/i.test(a.name)) bad.push(`${el.tagName} ${a.name}=${a.value}`);
                // KaTeX sets styles by script; of what was written none may come.
                if (a.name === "style" && /url|import|away/i.test(a.value)) bad.push(`${el.tagName} ${a.name}=${a.value}`);
                if (/^(?:href|src|action|formaction|xlink:href|ping|srcset|poster|data)$/i.test(a.name)
                    && !/^(?:https?:\/\/|mailto:|#|\/(?![/\\])|\.\/|assets\/|blob:|data:,$)/i.test(a.value)) bad.push(`${el.tagName} ${a.name}=${a.value}`);
                if (/^(?:src|srcset|ping|poster)$/i.test(a.name) && /away/.test(a.value)) bad.push(`${el.tagName} ${a.name}=${a.value}`);
            }
            if (el.tagName === "A" && el.target === "_blank" && !/noopener/.test(el.rel)) bad.push(`a link that lets go of its opener: ${el.href}`);
        }
        return [...bad, ...(window.pwnedBy ?? [])];
    });
}

async function guarded(user, options) {
    const page = await visit(user, options);
    await guard(page);
    return page;
}

async function guard(page) {
    const context = page.context();
    await context.exposeBinding("pwnedOnce", (_, by) => page.bad.push(`something ran: ${by}`));
    const trap = () => {
        window.pwned = (by) => window.pwnedOnce(String(by ?? new Error().stack));
    };
    await context.addInitScript(trap);
    await page.evaluate(trap);
    page.on("dialog", (d) => (page.bad.push(`a dialog: ${d.message()}`), d.dismiss()));
    context.on("page", (p) => p !== page && p.url() !== "about:blank" && page.bad.push(`a window: ${p.url()}`));
}

/** Presses what can be pressed there, but for links that leave, as they should. */
async function press(page) {
    await page.evaluate(() => {
        for (const el of document.querySelectorAll("article.answer .markdown a, article.answer .markdown [onclick], article.answer .markdown button[formaction]")) {
            if (el.tagName === "A" && /^(?:https?|mailto):/.test(el.href) && el.target === "_blank") continue;
            el.click();
        }
        for (const el of document.querySelectorAll("article.answer .markdown *")) {
            el.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
            el.dispatchEvent(new Event("focus"));
        }
    });
}

const LOT = 12;

async function attacked(up, name, options) {
    const page = await guarded("ann", options);
    const lots = Array.from({ length: Math.ceil(attacks.length / LOT) }, (_, i) => attacks.slice(i * LOT, (i + 1) * LOT));
    for (const [n, lot] of lots.entries()) {
        const called = up.expect(`${name} lot ${n}`);
        await askFor(page, `${name} lot ${n} ${lot.slice(0, 3).join(" ")}`);
        const answer = await called;
        await answer.think(lot.join("\n\n"));
        // Nothing runs in between, either: each comes in two halves.
        for (const text of lot) {
            const half = Math.floor(text.length / 2);
            await answer.say(text.slice(0, half));
            await answer.say(`${text.slice(half)}\n\n`);
        }
        await answer.end("the end of this lot");
        await lastAnswer(page).getByText("the end of this lot").waitFor();
        await settled(page);
        await press(page);
        is(await alive(page), [], `${name}, lot ${n}: it is all text`);
    }
    const id = await conversationOf(page);
    await page.reload();
    await page.getByText("the end of this lot").first().waitFor();
    await press(page);
    is(await alive(page), [], `${name}: likewise as it was kept`);
    return { page, id };
}

async function withPolicy(up) {
    const { page, id } = await attacked(up, "guarded");
    const share = await api("ann", "POST", `conversations/${id}/shares`);
    const guest = await guarded(null, { at: `#/s/${share.json.id}` });
    await guest.getByText("the end of this lot").first().waitFor();
    await press(guest);
    is(await alive(guest), [], "a shared conversation is text to a guest");
    await page.close();
}

async function withoutPolicy(up) {
    await attacked(up, "bare", { bypassCSP: true });
}

/** Titles, searches, names of files, errors, and what a browser itself kept. */
async function elsewhere(up) {
    const page = await guarded("ann", { bypassCSP: true });
    const evil = attacks.filter((a) => a.length <= 190 && !/[\n\u0001]/.test(a));
    for (const title of evil.slice(0, 40)) await api("ann", "POST", "conversations", { title });
    const made = (await api("ann", "POST", "conversations", { title: attacks[2] })).json;
    await page.reload();
    await page.getByRole("link", { name: attacks[2], exact: true }).first().waitFor();
    is(await alive(page), [], "titles are text in the list");
    await page.evaluate((id) => (location.hash = `#/c/${id}`), made.id);
    await page.getByRole("heading", { name: attacks[2] }).waitFor();
    is(await alive(page), [], "... and above the conversation");
    await button(page, `More about ${attacks[2]}`).first().click();
    await page.getByRole("menuitem", { name: "Rename" }).first().click();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("searchbox").or(page.getByRole("dialog").getByRole("combobox")).fill("onerror");
    await page.getByRole("dialog").getByText(attacks[2]).first().waitFor();
    is(await alive(page), [], "... and where they are searched for");
    await button(page, "Close").click();

    // Of messages their words are shown, whatever they were written as.
    const list = attacks.filter((a) => !/[\n\u0001]/.test(a)).slice(0, 24);
    for (const [i, a] of list.entries()) await api("ann", "POST", "chat/stream", { conversationId: made.id, stream: false, messages: [{ role: "user", content: `zebra${i % 3} ${a} **zebra${i % 3}** ${a}` }] });
    for (const word of ["zebra0", "zebra1", "zebra2"]) {
        await page.keyboard.press("Control+k");
        await page.getByRole("dialog").getByRole("searchbox").fill(word);
        await page.getByRole("dialog").locator("mark").first().waitFor();
        is(await alive(page), [], `what was said is text where it is found: ${word}`);
        await button(page, "Close").click();
    }

    // A server that says such things in its refusals.
    await page.route("**/api/v1/chat/stream", (r) => r.fulfill({ status: 400, contentType: "application/json",
        body: JSON.stringify({ code: "<img src=x onerror=pwned()>", message: evil.join(" "), requestId: "<img src=x onerror=pwned()>", issues: [{ message: attacks[2], path: [attacks[2]] }] }) }), { times: 1 });
    await askFor(page, "refuse me");
    await page.getByRole("alert").waitFor();
    is(await alive(page), [], "an error is text");

    // A file with such a name.
    const input = page.locator('input[type="file"]');
    if (await input.count()) {
        await input.first().setInputFiles({ name: '"><img src=x onerror=pwned()>.txt', mimeType: "text/plain", buffer: Buffer.from("hello") });
        await page.getByText("onerror=pwned()>.txt").first().waitFor();
        is(await alive(page), [], "the name of a file is text");
    }

    // What was kept in this browser by somebody else.
    await page.evaluate((list) => {
        for (const key of Object.keys(localStorage)) localStorage.setItem(key, list.join(" "));
        localStorage.setItem("chat.settings", JSON.stringify({ theme: '"><img src=x onerror=pwned()>', language: "__proto__", model: "<img src=x onerror=pwned()>", favourites: list, send: {}, size: 7 }));
        localStorage.setItem("chat.draft.", list.join(" "));
    }, attacks);
    await page.evaluate(() => (location.hash = "#/"));
    await page.reload();
    await composer(page).waitFor();
    is(await alive(page), [], "what the browser kept is text");
}

/** The text that is selected in it, from one character to another, in the nodes as they are. */
const select = (locator, from, to) => locator.evaluate((el, [from, to]) => {
    const walk = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    let at = 0;
    for (let node; (node = walk.nextNode()); at += node.data.length) {
        if (from >= at && from <= at + node.data.length) range.setStart(node, from - at);
        if (to >= at && to <= at + node.data.length) range.setEnd(node, to - at);
    }
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}, [from, to]);
const selected = (page) => page.evaluate(() => getSelection().toString());

async function selection(up) {
    const page = await visit("ann");
    const called = up.expect("hold on to");
    await askFor(page, "What a reader can hold on to");
    const answer = await called;
    const prose = lastAnswer(page).locator("p").first();
    await answer.say("A paragraph that is being written **with care** and more");
    await prose.filter({ hasText: "and more" }).waitFor();
    await select(prose, 2, 30);
    const had = await selected(page);
    ok(had.length > 20, "a reader selects some of a paragraph", had);
    for (let i = 0; i < 40; i++) await answer.say(` word${i} *and* \`code\` [a](https://b.example)`);
    await answer.say(" the last.\n\n");
    await prose.filter({ hasText: "the last." }).waitFor();
    is(await selected(page), had, "it stays selected while the paragraph grows");
    await answer.say("```python\nfor a in range(10):\n    print(a)\n");
    const code = lastAnswer(page).locator("figure.code pre, pre").first();
    await code.filter({ hasText: "print(a)" }).waitFor();
    is(await selected(page), had, "... and when another block begins");
    await select(code, 4, 25);
    const coded = await selected(page);
    for (let i = 0; i < 150; i++) await answer.say(`    print("line ${i}")\n`);
    await answer.say("```\n\nDone with **it**.");
    await page.getByText("Done with it.").waitFor();
    is(await selected(page), coded, "likewise in code");
    await answer.end();
    await settled(page);
    is(await selected(page), coded, "... also when the answer is over");
}

/** Gathers each shift of what is shown, and where it was. */
const watchShifts = (page) => page.evaluate(() => {
    window.shifts = 0;
    window.shifted = [];
    new PerformanceObserver((list) => {
        for (const e of list.getEntries()) {
            // The row of what is asked comes to the top of the list with the click that asks.
            if (e.hadRecentInput && e.sources.every(({ node }) => node?.parentElement?.closest("aside"))) continue;
            window.shifts += e.value;
            window.shifted.push(...e.sources.map(({ node, previousRect: a, currentRect: b }) => {
                const near = (node?.nodeType === 1 ? node : node?.parentElement)?.closest("[aria-label], [class]");
                return `${node?.nodeName} ${node?.nodeType === 3 ? node.data.slice(0, 40) : ""} in ${near?.outerHTML.slice(0, 80)}: ${a.x},${a.y} ${a.width}x${a.height} to ${b.x},${b.y} ${b.width}x${b.height}`;
            }));
        }
    }).observe({ type: "layout-shift" });
});

const PART = (i) => `## Part ${i}

Words with **strong** ones, \`code\`, and [a link](https://x.example), and *some that are so many* that they need **more than one line** of it, \`which is\` where a word that ~~grows~~ would go to the next one.

- one
- two with **strong words** and \`code\` and whatever else there may be until the line is full
  - three

| a | b |
|---|---|
| 1 | 2 |
| what is much wider than what came first | and so is **this** |

\`\`\`js
const a = ${i};
\`\`\`

The sum $\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$ is known, and so is \\(a^2 + b_${i}^2\\) to those who read on:

$$\\int_0^${i} \\left(\\frac{x^2}{\\sqrt{1 + x}}\\right) dx$$

> Quoted is $x_{${i}}$, too.

`;

/** The eye is not moved: nothing shifts, little is replaced, however late what draws formulas comes. */
async function calm(up, name, options, parts, more = async () => undefined) {
    // Nobody else has this user's list move. What the server says comes when shifts are watched already.
    let tell;
    const watched = new Promise((resolve) => (tell = resolve));
    const page = await visit("bob", { ...options, before: (context) => context.route("**/api/v1/**", (route) => watched.then(() => route.continue())) });
    const release = await more(page);
    const called = up.expect(`a calm answer ${name}`);
    await watchShifts(page);
    tell();
    await page.context().unrouteAll({ behavior: "wait" });
    await askFor(page, `Give me a calm answer ${name}`);
    const answer = await called;
    await answer.say("It begins.\n\n");
    await page.getByText("It begins.").waitFor();
    await page.evaluate(() => {
        window.removed = 0;
        new MutationObserver((list) => list.forEach((m) => (window.removed += m.removedNodes.length))).observe(document.querySelector("article.answer:last-of-type .body"), { childList: true, subtree: true });
    });
    for (let i = 0; i < parts; i++) {
        const text = PART(i);
        for (let at = 0; at < text.length; at += 7) {
            await answer.say(text.slice(at, at + 7));
            if (/\s$/.test(text.slice(0, at + 7))) await page.evaluate(() => new Promise(requestAnimationFrame));
        }
        await release?.(i);
    }
    await answer.end("It ends.");
    await page.getByText("It ends.").waitFor();
    await settled(page);
    await release?.(parts);
    await page.evaluate(() => document.fonts.ready.then(() => new Promise(requestAnimationFrame)));
    const { shifts, removed, shifted } = await page.evaluate(() => ({ shifts: window.shifts, removed: window.removed, shifted: window.shifted }));
    ok(shifts === 0, `nothing shifts while an answer comes: ${name}`, { shifts, shifted });
    ok(removed < 200, "what is drawn is not drawn anew", { removed });
}

/** What has such a name comes only when the test lets it. */
async function hold(page, name) {
    let go;
    const gone = new Promise((resolve) => (go = resolve));
    await page.route(name, async (route) => {
        await gone;
        await route.continue();
    });
    return go;
}

/** A processor that is slow, and what draws formulas held back. */
async function slow(page) {
    const debug = await page.context().newCDPSession(page);
    await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    return hold(page, /\/(?:katex|KaTeX)[^/]*$/);
}

/** What a stranger is told when the server has said that he is one moves nothing. */
async function calmGuest() {
    let tell;
    const watched = new Promise((resolve) => (tell = resolve));
    const page = await visit(null, { ...PHONE, before: (context) => context.route("**/api/v1/**", (route) => watched.then(() => route.continue())) });
    await page.getByText("What can I help with?").waitFor();
    await watchShifts(page);
    tell();
    await page.getByText("You are a guest", { exact: false }).waitFor();
    await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
    const { shifts, shifted } = await page.evaluate(() => ({ shifts: window.shifts, shifted: window.shifted }));
    ok(shifts === 0, "nothing shifts when a stranger opens the page", { shifts, shifted });
    await page.context().unrouteAll({ behavior: "wait" });
}

const calmAtOnce = (up) => calm(up, "at once", {}, 6);
const calmLate = (up) => calm(up, "late", {}, 3, async (page) => {
    const go = await slow(page);
    return (i) => i === 1 && go();
});
/** Fonts that come when nobody waits for them any more. */
const calmFonts = (up) => calm(up, "before its fonts", {}, 1, async (page) => {
    const go = await hold(page, /\/KaTeX[^/]*$/);
    return (i) => i === 1 && go();
});
const calmPhone = (up) => calm(up, "on a phone", PHONE, 3, async (page) => {
    const go = await slow(page);
    return (i) => i === 1 && go();
});

run([{ withPolicy, withoutPolicy, elsewhere, selection, calmGuest }, { calmAtOnce }, { calmLate }, { calmFonts, calmPhone }]);
