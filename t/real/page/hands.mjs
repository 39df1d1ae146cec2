// SPDX-License-Identifier: Apache-2.0
//
// The page by keyboard alone, from asking to sharing, with the focus where it
// belongs at each step; with an input method; and on windows from 320 to 1920
// pixels, at 400 %, from right to left, in German, without motion, and on paper.
import { answers, api, askFor, button, composer, conversationOf, DESKTOP, is, kept, lastAnswer, ok, PHONE, picture, run, settled, signIn, sticking, task, until, visit } from "./lib.mjs";

// ---- where the focus is ----

/** Role and name of what has the focus, and whether one sees that. */
const focused = (page) => page.evaluate(() => {
    const el = document.activeElement;
    const name = el.getAttribute("aria-label") || (el.labels?.[0]?.innerText ?? "") || el.getAttribute("placeholder") || el.innerText || el.value || "";
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(el);
    const ring = (e) => e && (getComputedStyle(e).outlineStyle !== "none" || getComputedStyle(e).boxShadow !== "none");
    const seen = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none" || ring(el.closest("form")) || el === document.body;
    const { top, bottom, left, right } = el.getBoundingClientRect();
    return { id: el.id, tag: el.tagName, name: name.trim().split("\n")[0], seen, inside: el === document.body || (bottom > 0 && top < innerHeight && right > 0 && left < innerWidth) };
});

const isComposer = async (page, what) => is((await focused(page)).id, "composer", `${what}: the focus is in the field`);

/** Goes on by Tab until something of that name has the focus. */
async function tabTo(page, name, key = "Tab") {
    const way = [];
    for (let i = 0; i < 90; i++) {
        await page.keyboard.press(key);
        const at = await focused(page);
        way.push(at.name || at.tag);
        if (typeof name === "string" ? at.name === name : name.test(at.name)) {
            ok(at.seen, `one sees that ${name} has the focus`, at);
            ok(at.inside, `... and it is in the window`, at);
            return;
        }
    }
    throw new Error(`${name} is not reached by ${key}: ${way.join(", ")}`);
}

const press = async (page, ...keys) => {
    for (const key of keys) await page.keyboard.press(key);
};

async function keyboard(up) {
    const guest = await visit(null);
    await tabTo(guest, "Sign in");
    await press(guest, "Enter");
    await guest.waitForURL("**/sign-in");

    const page = await visit("ann");
    await isComposer(page, "when the page opens");

    // Asked, stopped.
    const called = up.expect("By keyboard");
    await page.keyboard.type("By keyboard, line 1");
    await press(page, "Shift+Enter");
    await page.keyboard.type("line 2");
    await press(page, "Enter");
    const answer = await called;
    is(answer.question, "By keyboard, line 1\nline 2", "Shift and Enter is a new line, Enter sends");
    await answer.say("I will go on until");
    await page.getByText("I will go on until").waitFor();
    await isComposer(page, "while it answers");
    await press(page, "Escape");
    await page.getByText("You stopped this answer.").waitFor();
    await settled(page);
    await isComposer(page, "after Escape has stopped it");
    const id = await conversationOf(page);

    // Edited: a branch, and back.
    await press(page, "ArrowUp");
    await until("the question in the field", async () => (await composer(page).inputValue()).startsWith("By keyboard"));
    await isComposer(page, "editing");
    await press(page, "Control+a");
    await page.keyboard.type("Asked anew");
    await press(page, "Enter");
    await page.getByText("You said: Asked anew").waitFor();
    await settled(page);
    await isComposer(page, "edited");
    await tabTo(page, "The version before", "Shift+Tab");
    await press(page, "Enter");
    await page.getByText("I will go on until").waitFor();
    await tabTo(page, "The next version");
    await press(page, "Enter");
    await page.getByText("You said: Asked anew").waitFor();
    await press(page, "Control+/");
    await isComposer(page, "Ctrl and /");

    // Another model.
    await press(page, "Control+m");
    await page.getByRole("dialog").waitFor();
    await until("the focus in the list's field", async () => /find a model/i.test((await focused(page)).name));
    await page.keyboard.type("deep");
    await press(page, "Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await button(page, "Model: Deep Thought").waitFor();
    await isComposer(page, "a model was chosen");
    await press(page, "Control+m");
    await page.getByRole("dialog").waitFor();
    await press(page, "Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await isComposer(page, "none was chosen");

    // The answer anew, copied.
    await tabTo(page, "Copy", "Shift+Tab");
    await press(page, "Enter");
    await button(page, "Copied").waitFor();
    ok(true, "an answer is copied");

    // Renamed, found.
    await page.getByRole("link", { name: "By keyboard, line 1" }).waitFor();
    await tabTo(page, /^By keyboard, line 1/, "Shift+Tab");
    await press(page, "F2");
    await page.getByRole("textbox", { name: "Title" }).waitFor();
    await press(page, "Control+a");
    await page.keyboard.type("A better title");
    await press(page, "Enter");
    await page.getByRole("link", { name: "A better title" }).waitFor();
    await until("the focus on the row", async () => (await focused(page)).name === "A better title");
    is((await api("ann", "GET", `conversations/${id}`)).json.title, "A better title", "a conversation is renamed");

    // Deleted, and brought back.
    await tabTo(page, "More about A better title");
    await press(page, "Enter");
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    await until("the focus in the menu", async () => (await focused(page)).name === "Rename");
    await press(page, "Escape");
    await until("the focus on the menu's button", async () => (await focused(page)).name === "More about A better title");
    await press(page, "Enter");
    await until("the focus in the menu once more", async () => (await focused(page)).name === "Rename");
    await press(page, "End");
    await until("the last item", async () => (await focused(page)).name === "Delete");
    await press(page, "Enter");
    await button(page, "Undo").waitFor();
    await tabTo(page, "Undo");
    await press(page, "Enter");
    await page.getByRole("link", { name: "A better title" }).waitFor();

    await press(page, "Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("better");
    await page.getByRole("dialog").getByText("A better title").first().waitFor();
    await press(page, "ArrowDown", "Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByText("You said: Asked anew").waitFor();
    is(await conversationOf(page), id, "a conversation is found and opened");

    // Shared.
    await press(page, "Control+/");
    await tabTo(page, "Share", "Shift+Tab");
    await press(page, "Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Make a link");
    await press(page, "Enter");
    await until("a link", async () => (await api("ann", "GET", `conversations/${id}/shares`)).json.data.length === 1);
    await press(page, "Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    is((await focused(page)).name, "Share", "a dialog gives the focus back");

    // Settings.
    await tabTo(page, "Settings", "Shift+Tab");
    await press(page, "Enter");
    await page.getByRole("tab", { name: "Appearance" }).waitFor();
    await tabTo(page, "Appearance", "Shift+Tab");
    await press(page, "ArrowDown");
    await until("the next tab", async () => (await focused(page)).name === "Your keys");
    await press(page, "Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    is((await focused(page)).name, "Settings", "likewise the settings");
    await press(page, "?");
    await page.getByRole("dialog").getByText("Go to the message field").waitFor();
    await press(page, "Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });

    // No trap: Tab comes round.
    const seen = new Set();
    let round = 0;
    for (let i = 0; i < 90 && !round; i++) {
        await press(page, "Tab");
        const at = await focused(page);
        if (at.tag === "BODY") round = i;
        seen.add(at.name || at.tag);
    }
    ok(round, "Tab leads through the whole page and out of it", [...seen]);
    await press(page, "Tab");
    is((await focused(page)).name, "Skip to the message field", "first one may skip to the field");
    await press(page, "Enter");
    await isComposer(page, "skipped");

    await press(page, "Control+Shift+o");
    await page.getByText("What can I help with?").waitFor();
    await isComposer(page, "a new chat");

    // Signed out, where one's name is.
    await page.getByRole("button", { name: /^ann/ }).focus();
    await press(page, "Enter");
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    await until("the focus in the menu of the account", async () => (await focused(page)).name === "Settings");
    await press(page, "End");
    await until("the last of it", async () => (await focused(page)).name === "Sign out");
    await press(page, "Enter");
    await page.waitForURL("**/sign-out");
}

// ---- somebody new, on a phone ----

/** All that one does first, with a finger alone; make check-page has a picture of each step. */
async function newcomer(up) {
    let n = 0;
    const step = async (name) => {
        await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).map((a) => a.finished)));
        await picture(page, `new ${String(++n).padStart(2, "0")} ${name}`);
        is(await sticking(page), [], `somebody new: ${name}: nothing sticks out`);
    };
    const page = await visit(null, PHONE);
    const drawer = async () => {
        await button(page, "Show the conversations").tap();
        await page.locator("aside.open").waitFor();
    };
    const dialog = page.getByRole("dialog");
    const close = async () => {
        await dialog.getByRole("button", { name: "Close" }).tap();
        await dialog.waitFor({ state: "detached" });
    };
    await step("a guest");
    await button(page, "Sign in").first().tap();
    await page.waitForURL("**/sign-in");
    await signIn(page.context(), "bob");
    await page.goto(task.url);
    await button(page, /^Model:/, false).waitFor();
    await step("signed in");

    const first = up.expect("concept simply");
    await button(page, "Explain a concept simply").tap();
    await step("an idea was taken");
    await button(page, "Send").tap();
    const answer = await first;
    await answer.say("An idea that I will explain at some length, with **words**");
    await page.getByText("at some length").waitFor();
    await step("it answers");
    await button(page, "Stop").tap();
    await page.getByText("You stopped this answer.").waitFor();
    await settled(page);
    await step("stopped");

    await page.locator("article.user").getByRole("button", { name: "Edit" }).tap();
    await until("the question in the field", async () => (await composer(page).inputValue()) === "Explain a concept simply");
    await composer(page).fill("Explain gravity simply");
    await step("edited");
    await button(page, "Send").tap();
    await page.getByText("You said: Explain gravity").waitFor();
    await settled(page);
    await step("another version");
    await button(page, "The version before").tap();
    await page.getByText("at some length").waitFor();
    await step("the first one again");

    await button(page, /^Model:/, false).tap();
    await page.getByRole("option", { name: "Swift" }).waitFor();
    await step("models");
    await page.getByRole("option", { name: "Swift" }).tap();
    await button(page, "Model: Swift").waitFor();
    await askFor(page, "And **more** of it?");
    await page.getByText("You said: And").waitFor();
    await settled(page);
    await step("another model has answered");
    const id = await conversationOf(page);

    await drawer();
    await step("conversations");
    await page.locator("aside").getByRole("button", { name: /^More about/ }).tap();
    await step("menu of a conversation");
    await page.getByRole("menuitem", { name: "Rename" }).tap();
    await page.getByRole("textbox", { name: "Title" }).fill("Gravity");
    await step("renaming");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Gravity" }).waitFor();
    await button(page, /^Find/, false).first().tap();
    await dialog.getByRole("searchbox").fill("more");
    await dialog.locator("mark").first().waitFor();
    await step("found");
    await dialog.getByRole("link").first().tap();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("You said: And").waitFor();
    is(await conversationOf(page), id, "what was found opens");
    await step("what was found");

    await page.locator("main").getByRole("button", { name: "Share" }).tap();
    await dialog.getByRole("button", { name: "Make a link" }).tap();
    await dialog.getByRole("button", { name: "Stop sharing" }).waitFor();
    await step("shared");
    await close();
    await button(page, "More about this conversation").tap();
    await step("more about it");
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Export as Markdown" }).tap()]);
    ok(/\.md$/.test(file.suggestedFilename()), "it is exported", file.suggestedFilename());

    await drawer();
    await page.getByRole("button", { name: /^bob/ }).tap();
    await step("account");
    await page.getByRole("menuitem", { name: "Your keys" }).tap();
    const key = dialog.getByLabel("Key of OpenAI");
    await key.fill(`sk-${"a1B2".repeat(12)}`);
    await dialog.getByRole("button", { name: "Keep", exact: true }).first().tap();
    await dialog.getByRole("button", { name: "Remove", exact: true }).waitFor();
    await step("a key of one's own");
    await page.getByRole("tab", { name: "Usage" }).tap();
    await page.getByRole("tabpanel").getByRole("table").waitFor();
    await step("usage");
    await close();
    await page.getByRole("button", { name: /^bob/ }).tap();
    await page.getByRole("menuitem", { name: "Sign out" }).tap();
    await page.waitForURL("**/sign-out");
}

// ---- an input method ----

async function composing(up) {
    const page = await visit("ann");
    let posts = 0;
    page.on("request", (r) => r.method() === "POST" && r.url().endsWith("/chat/stream") && posts++);
    const debug = await page.context().newCDPSession(page);
    await composer(page).focus();
    await debug.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
    // As a browser tells it: the key itself is the input method's.
    await composer(page).evaluate((el) => el.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })));
    await press(page, "Enter");
    is([posts, (await composer(page).inputValue()).trim()], [0, "にほん"], "Enter while composing belongs to the input method");
    await debug.send("Input.insertText", { text: "日本" });
    // Safari ends composing before it says which key did.
    await composer(page).evaluate((el) => el.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true })));
    is([posts, (await composer(page).inputValue()).trim()], [0, "日本"], "... also where its end is told first");
    await press(page, "Enter");
    await page.getByText("You said: 日本").waitFor();
    await settled(page);
    is(posts, 1, "afterwards Enter sends");

    const phone = await visit("ann", PHONE);
    await composer(phone).tap();
    await phone.keyboard.type("first");
    await press(phone, "Enter");
    await phone.keyboard.type("second");
    is(await composer(phone).inputValue(), "first\nsecond", "on a phone Enter is a new line");
    ok((await composer(phone).evaluate((el) => parseFloat(getComputedStyle(el).fontSize))) >= 16, "... and the field does not make it zoom");
    const small = await phone.evaluate(() => [...document.querySelectorAll("button, a, input, select")].filter((el) => el.checkVisibility() && !el.closest("aside, .skip"))
        .map((el) => [el.ariaLabel || el.innerText, el.getBoundingClientRect()]).filter(([, b]) => b.width && Math.min(b.width, b.height) < 32).map(([name, b]) => `${name} ${b.width}x${b.height}`));
    is(small, [], "... and what is touched is large enough");
}

// ---- windows ----

const LONG = `${"A paragraph of words that goes on. ".repeat(20)}

| ${Array.from({ length: 14 }, (_, i) => `column ${i}`).join(" | ")} |
|${"---|".repeat(14)}
| ${Array.from({ length: 14 }, (_, i) => `value ${i}`).join(" | ")} |

\`\`\`
${"a line of code that is wider than any window ".repeat(6)}
\`\`\`

https://example.org/${"a-very-long-address/".repeat(12)}

$$${Array.from({ length: 40 }, (_, i) => `x_{${i}}`).join(" + ")} = 0$$

מה שלומך? مرحبا بالعالم، هذا نص طويل. 漢字仮名交じり文。
`;

async function sizes(up) {
    const first = await visit("ann");
    const called = up.expect("a wide one");
    await askFor(first, `a wide one ${"w".repeat(300)}`);
    await (await called).end(LONG);
    await settled(first);
    const id = await conversationOf(first);
    const windows = [[320, 640], [390, 844], [768, 1024], [1280, 800], [1920, 1080], [320, 256]];
    for (const [locale, lang] of [["en-GB", "en"], ["de-DE", "de"], ["ar", "ar"]]) {
        const page = await visit("ann", { ...DESKTOP, locale, at: `#/c/${id}` });
        await answers(page).first().waitFor();
        await page.waitForFunction((lang) => document.documentElement.lang === lang, lang);
        is(await page.evaluate(() => document.documentElement.dir), lang === "ar" ? "rtl" : "ltr", `${lang}: the page runs its way`);
        await page.locator(".katex").first().waitFor();
        for (const [width, height] of windows) {
            await page.setViewportSize({ width, height });
            await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
            is(await sticking(page), [], `${lang}, ${width}x${height}: nothing sticks out`);
            is(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `... nor can it be scrolled sideways`);
            const send = await page.locator("button.send").boundingBox();
            ok(send && send.x >= 0 && send.x + send.width <= width && send.y + send.height <= height, `... and one can send`, send);
            await picture(page, `window ${lang} ${width}x${height}`);
        }
    }
}

async function still(up) {
    const page = await visit("ann", { ...DESKTOP, reducedMotion: "reduce" });
    const called = up.expect("without motion");
    await askFor(page, "without motion");
    const answer = await called;
    const moving = () => page.evaluate(() => document.getAnimations().filter((a) => a.playState === "running").map((a) => a.animationName ?? a.transitionProperty));
    is(await moving(), [], "who wants no motion sees none while it waits");
    await answer.end("Here.");
    await settled(page);
    is(await moving(), [], "... nor afterwards");

    await page.emulateMedia({ media: "print" });
    is(await page.evaluate(() => [...document.querySelectorAll("aside, .composer-area, .actions button")].filter((el) => el.checkVisibility()).length), 0, "on paper there are no controls");
    const { all, shown } = await page.evaluate(() => {
        const list = [...document.querySelectorAll("main article")];
        return { all: list.length, shown: list.filter((el) => el.checkVisibility() && el.getBoundingClientRect().height > 10).length };
    });
    is([all, shown], [2, 2], "... and all messages");
    ok(await page.evaluate(() => {
        const el = document.querySelector(".thread");
        return getComputedStyle(el).overflowY !== "auto" || el.scrollHeight <= el.clientHeight + 1;
    }), "... not only those of one window");
}

run([{ keyboard, composing, sizes, still, newcomer }]);
