// SPDX-License-Identifier: Apache-2.0
//
// Every state that the page can be in, on a desktop and a phone, light and dark:
// axe finds nothing, nothing sticks out of the window, and there is a picture of it
// for people (make check-page). The short form looks at two of the four.
import { answers, api, askFor, axe, browse, button, composer, DESKTOP, is, lastAnswer, ok, PHONE, picture, run, settled, sql, sticking, task, until, visit } from "./lib.mjs";

const SHOW = `# A heading

Some words, **strong** and *soft*, \`code\`, ~~gone~~, and [a link](https://example.org/).

1. One
2. Two
   - a
   - b

- [x] done
- [ ] to do

> A quotation of somebody.

| Model | Price | What it is for, at some length, so that the table is a wide one |
|:------|------:|----|
| small | $0.15 | all that is quick and needs no thought, which is most of what people ask |
| large | $1.25 | the rest |

\`\`\`python
def fib(n: int) -> int:
    """A comment that is longer than the narrow window of a phone, so that the code scrolls by itself."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
\`\`\`

$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$

A line with averyveryverylongwordthatnobodywouldeverwritebutamodelmightanditmustnotpushanythingoutofthewindowofaphone.
`;

const dialog = (page) => page.getByRole("dialog").last();

/** Leaves no dialog, menu, drawer or conversation behind. */
async function home(page) {
    await page.evaluate(() => {
        document.querySelectorAll("dialog[open]").forEach((d) => d.close());
        document.querySelectorAll("[popover]:popover-open").forEach((p) => p.hidePopover());
        document.querySelector(".scrim")?.click();
        document.querySelector(".notice:not(.quiet) button:last-child")?.click();
        location.hash = "#/";
    });
    await page.getByText("What can I help with?").waitFor();
    await composer(page).fill("");
}

async function inDrawer(page, phone) {
    if (!phone) return;
    await button(page, "Show the conversations").click();
    await page.locator("aside.open").waitFor();
    // What goes on for ever never finishes.
    await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).map((a) => a.finished)));
}

/** Each state, named; it leaves the page in it. */
const STATES = {
    async empty(page) {
        await page.getByText("What can I help with?").waitFor();
    },
    async "sending"(page, up, tag) {
        this.called = up.expect(`show me ${tag}`);
        await askFor(page, `Please show me ${tag}`);
        this.answer = await this.called;
    },
    async waiting(page) {
        await this.answer.begin();
        // It says so otherwise when it has been long.
        await page.getByText(/^(?:Waiting for|Still waiting)/).waitFor();
    },
    async reasoning(page) {
        await this.answer.think("First I look at the question, then at the **answer**.");
        await page.getByText("Thinking").first().waitFor();
    },
    async streaming(page) {
        await this.answer.say(SHOW.slice(0, 700));
        await page.getByText("A quotation of somebody.").waitFor();
    },
    async answered(page) {
        await this.answer.end(SHOW.slice(700));
        await page.getByText("outofthewindowofaphone", { exact: false }).waitFor();
        await settled(page);
        await page.locator(".katex").first().waitFor();
        await page.locator("article.answer").last().scrollIntoViewIfNeeded();
    },
    async thoughts(page) {
        await page.locator("details.reasoning summary").last().click();
    },
    async "menu of an answer"(page) {
        await lastAnswer(page).getByRole("button", { name: "More about this answer" }).click();
        await page.getByRole("menuitem").first().waitFor();
    },
    async editing(page) {
        await page.keyboard.press("Escape");
        await page.locator("article.user").last().getByRole("button", { name: "Edit" }).click();
        await until("the question to be edited", async () => (await composer(page).inputValue()).startsWith("Please show me"));
    },
    async branches(page, up, tag) {
        const called = up.expect(`instead ${tag}`);
        await composer(page).fill(`Show me that instead ${tag}`);
        await button(page, "Send").or(button(page, "Ask this instead")).click();
        await (await called).end("Something else.");
        await page.getByText("Something else.").waitFor();
        await settled(page);
        await page.getByText(/2\s*\/\s*2/).first().waitFor();
    },
    async stopped(page, up, tag) {
        const called = up.expect(`stop this ${tag}`);
        await askFor(page, `Please stop this ${tag}`);
        await (await called).say("Only so much");
        await page.getByText("Only so much").waitFor();
        await button(page, "Stop").click();
        await page.getByText("You stopped this answer.").waitFor();
        await settled(page);
    },
    async cut(page, up, tag) {
        const called = up.expect(`cut this ${tag}`);
        await askFor(page, `Please cut this ${tag}`);
        const answer = await called;
        await answer.say("This much came");
        await page.getByText("This much came").waitFor();
        answer.cut();
        await settled(page);
    },
    async failed(page, up, tag) {
        await home(page);
        const called = up.expect(`fail this ${tag}`);
        await askFor(page, `Please fail this ${tag}`);
        (await called).fail(500);
        await button(page, "Try again").waitFor();
        await settled(page);
    },
    async filtered(page, up, tag) {
        await home(page);
        const called = up.expect(`filter this ${tag}`);
        await askFor(page, `Please filter this ${tag}`);
        await (await called).end("I begin, and", "content_filter");
        await settled(page);
    },
    async "calling a tool"(page, up, tag) {
        await home(page);
        const called = up.expect(`call a tool ${tag}`);
        await askFor(page, `Please call a tool ${tag}`);
        const answer = await called;
        await answer.call("c1", "weather", '{"city":"Kyiv"}');
        await answer.end(undefined, "tool_calls");
        await settled(page);
        await page.locator("details.tool").last().click();
    },
    async "too long"(page) {
        await home(page);
        await composer(page).fill("word ".repeat(900));
    },
    async "long draft"(page) {
        await composer(page).fill(Array.from({ length: 40 }, (_, i) => `Line ${i} of a draft`).join("\n"));
    },
    async offline(page) {
        await composer(page).fill("");
        await page.context().setOffline(true);
        await page.getByText("You are offline", { exact: false }).first().waitFor();
    },
    async models(page) {
        await page.context().setOffline(false);
        await home(page);
        await page.locator("button.pick").click();
        await page.getByRole("option").first().waitFor();
    },
    async "no such model"(page) {
        await dialog(page).getByRole("combobox").fill("nothing has this name");
        await page.getByText("No model has this in its name.").waitFor();
    },
    async find(page, up, tag, phone) {
        await home(page);
        await inDrawer(page, phone);
        await button(page, /^Find/, false).first().click();
        await dialog(page).locator("input").fill("show");
        await dialog(page).getByText("show me", { exact: false }).first().waitFor();
    },
    async "settings, appearance"(page, up, tag, phone) {
        await home(page);
        await inDrawer(page, phone);
        await button(page, "Settings").click();
        await page.getByRole("tab").first().waitFor();
    },
    async "settings, keys"(page) {
        await page.getByRole("tab", { name: "Your keys" }).click();
        await page.getByText("Key of", { exact: false }).first().waitFor();
    },
    async "settings, usage"(page) {
        await page.getByRole("tab", { name: "Usage" }).click();
        await page.getByRole("tabpanel").getByRole("table").waitFor();
    },
    async "settings, data"(page) {
        await page.getByRole("tab", { name: "Data" }).click();
        await page.getByText("Delete everything").waitFor();
    },
    async keyboard(page) {
        await home(page);
        await page.locator("main h1").click();
        await page.keyboard.press("?");
        await dialog(page).getByText("Go to the message field").waitFor();
    },
    async conversations(page, up, tag, phone) {
        await home(page);
        await inDrawer(page, phone);
        await page.getByRole("link", { name: `Please show me ${tag}` }).waitFor();
    },
    async "menu of a conversation"(page, up, tag) {
        await button(page, `More about Please show me ${tag}`).click();
        await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    },
    async renaming(page) {
        await page.getByRole("menuitem", { name: "Rename" }).click();
        await page.getByRole("textbox", { name: "Title" }).waitFor();
    },
    async deleted(page, up, tag) {
        await page.getByRole("textbox", { name: "Title" }).press("Escape");
        await button(page, `More about Please fail this ${tag}`).or(button(page, `More about Please filter this ${tag}`)).first().click();
        await page.getByRole("menuitem", { name: "Delete" }).click();
        await button(page, "Undo").waitFor();
    },
    async share(page, up, tag, phone) {
        await home(page);
        await inDrawer(page, phone);
        await page.getByRole("link", { name: `Please show me ${tag}` }).click();
        await answers(page).first().waitFor();
        await page.locator("main").getByRole("button", { name: "Share" }).click();
        await dialog(page).getByRole("button", { name: "Make a link" }).click();
        await dialog(page).getByRole("textbox").first().waitFor();
        this.link = await dialog(page).getByRole("textbox").first().inputValue();
    },
    async shared(page) {
        await page.goto(this.link);
        await page.reload();
        await answers(page).first().waitFor();
    },
    async "shared no more"(page) {
        await page.goto(this.link.slice(0, -3) + "abc");
        await page.reload();
        await page.getByText("no longer shared", { exact: false }).waitFor();
    },
    async gone(page) {
        await page.goto(`${task.url}#/c/01900000-0000-7000-8000-000000000000`);
        await page.reload();
        await page.getByText("This conversation is not here.", { exact: false }).waitFor();
    },
    async "list loading"(page, up, tag, phone) {
        await page.goto(`${task.url}#/`);
        await page.evaluate(async () => {
            for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
        });
        let go;
        const gate = new Promise((resolve) => (go = resolve));
        this.go = go;
        await page.route(/\/conversations\?/, async (r) => (await gate, r.continue().catch(() => undefined)), { times: 1 });
        await page.reload();
        await composer(page).waitFor();
        await inDrawer(page, phone);
    },
    async "list failed"(page, up, tag, phone) {
        this.go();
        await page.route(/\/conversations\?/, (r) => r.fulfill({ status: 503, contentType: "application/json", body: '{"code":"unavailable","message":"away"}' }), { times: 1 });
        await page.evaluate(async () => {
            for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
        });
        await page.reload();
        await composer(page).waitFor();
        await inDrawer(page, phone);
        await page.getByText("cannot be loaded now", { exact: false }).first().waitFor();
    },
    ...Object.fromEntries(["models", "limits", "users", "streams", "audit"].map((part) => [`administration, ${part}`, async (page) => {
        await page.unroute(/\/conversations\?/);
        await page.evaluate(() => document.querySelector(".scrim")?.click());
        await page.evaluate((part) => (location.hash = `#/admin/${part}`), part);
        await page.locator(`nav.tabs a[href$="${part}"][aria-current="page"]`).waitFor();
        await page.locator(".admin-part").getByRole("table").or(page.locator(".admin-part p")).first().waitFor();
    }])),
    async "signed out"(page, up, tag) {
        await home(page);
        await page.context().clearCookies();
        await askFor(page, `a stranger asks ${tag}`);
        await until("word of it", async () => (await page.getByRole("alert").count()) || (await page.getByRole("dialog").count()));
    },
};

const refusal = (status, body) => ({ status, contentType: "application/json", headers: { "Retry-After": String(body.retryAfter) }, body: JSON.stringify(body) });

/** The page's next question is refused so. */
async function refused(page, tag, status, body) {
    await home(page);
    await page.route("**/api/v1/chat/stream", (r) => r.fulfill(refusal(status, body)), { times: 1 });
    await askFor(page, `Please refuse this ${tag}`);
    await page.getByRole("alert").waitFor();
}

/** A conversation of this user's that was made elsewhere. */
async function made(tag, text) {
    const { json } = await api("eve", "POST", "conversations", { title: `${text} ${tag}` });
    return json.id;
}

const goTo = (page, id) => page.evaluate((id) => (location.hash = `#/c/${id}`), id);

/** Those that come about less often. */
const SELDOM = {
    async "temporary chat"(page) {
        await button(page, "Temporary chat").click();
        await page.getByText("A chat that leaves nothing behind").waitFor();
    },
    async "temporary answer"(page, up, tag) {
        await askFor(page, `between us ${tag}`);
        await page.getByText(`You said: between us ${tag}`).waitFor();
        await settled(page);
    },
    async "fell back"(page, up, tag) {
        await page.reload();
        await button(page, /^Model:/, false).click();
        await page.getByRole("option", { name: "Sure" }).click();
        const [first, second] = [up.expect(`fall back ${tag}`), up.expect(`fall back ${tag}`)];
        await askFor(page, `Please fall back ${tag}`);
        (await first).fail(500);
        await (await second).end("I stand in for another.");
        await page.getByText("Answered by Far: Sure was away", { exact: false }).waitFor();
        await settled(page);
    },
    async "provider busy"(page, up, tag) {
        await home(page);
        await button(page, /^Model:/, false).click();
        await page.getByRole("option", { name: /^m\b/ }).click();
        const called = up.expect(`too often ${tag}`);
        await askFor(page, `asked too often ${tag}`);
        (await called).fail(429, "slow down", { "Retry-After": "40" });
        await page.getByRole("alert").getByText(/Send in 0:\d\d/).waitFor();
        await settled(page);
    },
    async "server busy"(page, up, tag) {
        await refused(page, tag, 503, { code: "busy", message: "Too many streams are open.", retryAfter: 40, retryable: true, scope: "server" });
        await button(page, /^Try again 0:\d\d$/, false).waitFor();
    },
    async "budget gone"(page, up, tag) {
        const resetAt = new Date(Date.now() + 9 * 86400000).toISOString();
        await refused(page, tag, 429, { code: "rate_limited", message: "The limit \"monthly\" allows $5.", retryAfter: 9 * 86400, retryable: true, scope: "user",
            limit: { name: "monthly", unit: "usd", limit: 5, remaining: 0, resetAt } });
        await page.getByText("You may go on from", { exact: false }).waitFor();
    },
    async "busy elsewhere"(page, up, tag) {
        await home(page);
        const id = await made(tag, "Answered elsewhere");
        const called = up.expect(`from elsewhere ${tag}`);
        const asked = api("eve", "POST", "chat/stream", { conversationId: id, messages: [{ role: "user", content: `asked from elsewhere ${tag}` }] });
        const answer = await called;
        this.rest = async () => (await answer.end("Said elsewhere."), await asked);
        // As a tab sees it that was open before.
        await page.route(/\/messages\?/, (r) => r.fulfill({ status: 200, contentType: "application/json", body: '{"data":[],"nextCursor":null}' }), { times: 1 });
        await goTo(page, id);
        await askFor(page, `and from here ${tag}`);
        await page.getByText("being answered in another tab", { exact: false }).waitFor();
    },
    async "in the archive"(page, up, tag) {
        await this.rest();
        await home(page);
        const id = await made(tag, "Put away");
        await api("eve", "PATCH", `conversations/${id}`, { archived: true });
        await goTo(page, id);
        await page.getByText("This conversation is in the archive.").waitFor();
        await page.getByRole("heading", { name: `Put away ${tag}` }).waitFor();
    },
    async archived(page, up, tag) {
        await askFor(page, `asked in the archive ${tag}`);
        await page.getByRole("heading", { name: `Put away ${tag}` }).waitFor();
        await page.getByRole("alert").getByText("This conversation is in the archive.").waitFor();
    },
    async "model gone"(page, up, tag) {
        await home(page);
        const id = await made(tag, "Asked of another");
        await sql(`UPDATE chat_conversation SET model = 'old-one' WHERE id = '${id}'`);
        await goTo(page, id);
        await page.reload();
        await page.getByText("old-one cannot be asked any more", { exact: false }).waitFor();
    },
    async "conversation loading"(page, up, tag) {
        await home(page);
        const id = await made(tag, "Slow to come");
        await page.route(/\/messages\?/, async (r) => {
            await new Promise((go) => (this.go = go));
            await r.continue().catch(() => undefined);
        }, { times: 1 });
        await goTo(page, id);
        await page.getByLabel("Loading the conversation…").waitFor();
    },
    async "waits for the line"(page, up, tag) {
        await until("the messages to be asked for", () => this.go);
        this.go();
        await home(page);
        await page.context().setOffline(true);
        await askFor(page, `asked without a line ${tag}`);
        await page.getByText("This goes as soon as you are back.", { exact: false }).waitFor();
    },
    async "files of a message"(page) {
        await home(page);
        await page.context().setOffline(false);
        await page.locator('input[type="file"]').setInputFiles([{ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") }, { name: "a.zip", mimeType: "application/zip", buffer: Buffer.from("PK") }]);
        await page.locator(".attachments").getByText("5 B").waitFor();
        await page.locator(".attachments .failed").waitFor();
    },
    async "menu of the account"(page, up, tag, phone) {
        for (const name of ["notes.txt", "a.zip"]) await button(page, `Remove ${name}`).click();
        await inDrawer(page, phone);
        await button(page, /^eve/, false).click();
        await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    },
    async "found in Markdown"(page, up, tag, phone) {
        await home(page);
        const called = up.expect(`all about quokkas ${tag}`);
        await askFor(page, `Tell me all about quokkas ${tag}`);
        await (await called).end(SHOW.replace("Some words", "Some words of a quokka"));
        await settled(page);
        await inDrawer(page, phone);
        await button(page, /^Find/, false).first().click();
        await dialog(page).locator("input").fill("quokka");
        await dialog(page).locator("mark").first().waitFor();
    },
};

/** In the short form each state is given to axe once, in one of the two walks. */
async function walk(up, tag, user, options, odd, states) {
    const phone = options.isMobile === true;
    let n = odd ? 1 : 0;
    const page = await visit(user, options);
    const self = {};
    for (const [name, state] of Object.entries(states)) {
        try {
            await state.call(self, page, up, tag, phone);
        } catch (e) {
            await picture(page, `failed-${tag}-${name}`);
            ok(false, `${tag}: ${name}`, e.stack);
            await page.context().setOffline(false);
            await page.goto(task.url);
            await page.reload();
            continue;
        }
        await picture(page, `${tag}-${name.replace(/\W+/g, "-")}`);
        is(await sticking(page), [], `nothing sticks out: ${tag}, ${name}`);
        if (task.long || n++ % 2) await axe(page, `${tag}, ${name}`);
    }
}

const look = (tag, user, options, states = STATES) => [states === SELDOM ? `${tag}, seldom` : tag, (up) => walk(up, tag, user, options, options.isMobile === true, states)];
const SHORT = [look("desktop light", "eve", { ...DESKTOP, colorScheme: "light" }), look("phone dark", "eve", { ...PHONE, colorScheme: "dark" })];
/** The short form sees them once. */
const ONCE = [look("phone light", "eve", { ...PHONE, colorScheme: "light" }, SELDOM)];
const FOURFOLD = [
    look("desktop light", "eve", { ...DESKTOP, colorScheme: "light" }, SELDOM), look("desktop dark", "eve", { ...DESKTOP, colorScheme: "dark" }, SELDOM),
    look("phone dark", "eve", { ...PHONE, colorScheme: "dark" }, SELDOM),
];
const LONG = [look("desktop dark", "eve", { ...DESKTOP, colorScheme: "dark" }), look("phone light", "eve", { ...PHONE, colorScheme: "light" })];

async function limited(up) {
    for (const [tag, options] of [["desktop light", { ...DESKTOP, colorScheme: "light" }], ["phone dark", { ...PHONE, colorScheme: "dark" }]]) {
        const page = await visit("bob", options);
        for (let i = 0; i < 3 && !(await page.getByRole("alert").count()); i++) {
            await askFor(page, `once ${i} ${tag}`);
            await until("an answer or a refusal", async () => (await page.getByText(`You said: once ${i} ${tag}`).count()) || (await page.getByRole("alert").count()));
            await settled(page);
        }
        await axe(page, `${tag}, limited`);
        is(await sticking(page), [], `nothing sticks out: ${tag}, limited`);
        await picture(page, `${tag}-limited`);
    }
}

async function guest(up) {
    const page = await visit(null, { ...PHONE, colorScheme: "light" });
    await askFor(page, "a guest asks");
    await page.getByText("You said: a guest asks").waitFor();
    await settled(page);
    await axe(page, "a guest");
    is(await sticking(page), [], "nothing sticks out: a guest");
    await picture(page, "phone light-guest");
}

/** Who has no scripts is told that they are needed. */
async function scriptless() {
    for (const [tag, options] of [["desktop light", { ...DESKTOP, colorScheme: "light" }], ["phone dark", { ...PHONE, colorScheme: "dark" }]]) {
        const page = await browse(task.url, { ...options, javaScriptEnabled: false });
        const words = page.locator("noscript p");
        is(await words.innerText(), "This page needs JavaScript.", `${tag}: without scripts the page says that it needs them`);
        const box = await words.boundingBox();
        ok(box && box.y >= 0 && box.y + box.height <= options.viewport.height, "... where one sees it", box);
        await picture(page, `${tag}-without-scripts`);
    }
}

run([Object.fromEntries([...SHORT, ...(task.long ? LONG : [])]), Object.fromEntries([...ONCE, ...(task.long ? FOURFOLD : []), ["limited", limited], ["guest", guest], ["scriptless", scriptless]])]);
