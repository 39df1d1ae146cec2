// SPDX-License-Identifier: Apache-2.0
//
// What every script of the page needs: a browser, pages of users in it, checks
// that are told to the test (t/lib/ChatTest/Page.pm), and what holds in all of
// them: no violation of the policy, no error, no request to anybody else.
import { AsyncLocalStorage } from "node:async_hooks";
import fs from "node:fs";
import readline from "node:readline";
import { chromium } from "playwright-core";
import { upstream } from "./upstream.mjs";

export const task = JSON.parse(process.argv[2]);
/** Milliseconds that anything may take. */
export const PATIENCE = 15000 * task.scale;

// ---- what the test is told and asked ----

const tell = (o) => process.stdout.write(`${JSON.stringify(o)}\n`);
const replies = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export function ok(is, name, why) {
    tell({ ok: Boolean(is), name, why: typeof why === "string" ? why : JSON.stringify(why) });
    return Boolean(is);
}

export function is(got, wanted, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    return ok(a === b, name, `got    ${a}\nwanted ${b}`);
}

export const note = (text) => tell({ note: text });

let asking = Promise.resolve();
/** What the test knows and can do: %DOES of Page.pm. */
export function ask(what, ...args) {
    const answer = asking.then(async () => {
        tell({ ask: what, args });
        const { value } = await replies.next();
        const said = JSON.parse(value);
        if (said.error) throw new Error(`${what}: ${said.error}`);
        return said.answer;
    });
    asking = answer.catch(() => undefined);
    return answer;
}

export const sql = (statement) => ask("sql", statement);
export const rows = async (statement) => (await sql(statement)).split("\n").filter(Boolean);
export const api = (user, method, path, json) => ask("api", user, method, path, ...(json === undefined ? [] : [json]));

/** Waits until `look` returns something true, and returns it; says what it waited for when it never does. */
export async function until(what, look, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
        const value = await look();
        if (value) return value;
        if (Date.now() > end) {
            ok(false, `waited for ${what}`);
            throw new Error(`waited for ${what}`);
        }
        await new Promise((r) => setTimeout(r, 20));
    }
}

// ---- pages ----

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

let browser;
/** The pages that were opened for the part that runs. */
const visits = new AsyncLocalStorage();

function launch() {
    browser ??= chromium.launch({
        executablePath: "/usr/bin/chromium-headless-shell",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage", "--js-flags=--expose-gc", "--enable-precise-memory-info"],
    });
    return browser;
}

/** What may be said in a console because the test itself makes it happen: answers that are no success. */
const NETWORK = /^Failed to load resource: /;

/** A browser of its own for `user` (none: a guest); `before`: what is done with it before it opens the page; `whole`: until its script is there. */
export async function visit(user, { at = "", before = async () => undefined, whole = true, ...options } = {}) {
    const context = await (await launch()).newContext({ locale: "en-GB", ...DESKTOP, ...options });
    context.setDefaultTimeout(PATIENCE);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    if (user) await signIn(context, user);
    await before(context);
    return whole ? open(context, at) : watched(context, task.url + at, "commit");
}

/** A page of anything else, in a browser that is watched likewise. */
export async function browse(url, options = {}) {
    const context = await (await launch()).newContext({ ...DESKTOP, ...options });
    context.setDefaultTimeout(PATIENCE);
    return watched(context, url);
}

export async function signIn(context, user) {
    const [name, value] = task.cookies[user].split(/=(.*)/);
    await context.addCookies([{ name, value, url: task.origin, httpOnly: true, sameSite: "Lax" }]);
}

/** One more tab of a browser. */
export async function open(context, at = "") {
    const page = await watched(context, task.url + at);
    await wholePage(page);
    return page;
}

/** Until its script is there. */
export const wholePage = (page) => page.locator("#app:not([data-shell]) main").waitFor();

async function watched(context, url, waitUntil = "load") {
    const page = await context.newPage();
    const { origin } = new URL(url);
    const bad = [];
    page.bad = bad;
    visits.getStore().push(page);
    page.on("pageerror", (e) => bad.push(`page error: ${e.stack ?? e.message}`));
    page.on("console", (m) => {
        if (m.type() === "error" && !NETWORK.test(m.text())) bad.push(`console: ${m.text()}`);
    });
    page.on("request", (r) => {
        if (!/^(?:data|blob):/.test(r.url()) && new URL(r.url()).origin !== origin) bad.push(`foreign request: ${r.url()}`);
    });
    await page.exposeBinding("violated", (_, what) => bad.push(`policy: ${what}`));
    await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (e) => window.violated(`${e.violatedDirective} ${e.blockedURI} ${e.sample} ${e.sourceFile}:${e.lineNumber}`));
    });
    await page.goto(url, { waitUntil });
    return page;
}

export const composer = (page) => page.locator("#composer");
export const button = (page, name, exact = true) => page.getByRole("button", { name, exact });
export const answers = (page) => page.locator("article.answer");
export const lastAnswer = (page) => answers(page).last();

/** The words of the question are known to the upstream, which waits for them. */
export async function askFor(page, text) {
    await composer(page).fill(text);
    await button(page, "Send").click();
}

/** Until nothing runs in it any more. */
export async function settled(page) {
    await page.locator('article.answer[aria-busy="true"]').waitFor({ state: "detached" });
}

/** The id of the conversation that is open. */
export async function conversationOf(page) {
    await page.waitForFunction(() => location.hash.startsWith("#/c/"));
    return page.evaluate(() => location.hash.slice(4));
}

/** What the database has of a conversation: role, status, text, in order. */
export async function kept(id) {
    const list = await rows(`SELECT json_array(role, status, text) FROM chat_message WHERE conversation_id = '${id}' ORDER BY created_at, n`);
    return list.map((line) => JSON.parse(line));
}

/** What one sees of it, likewise. */
export function shown(page) {
    return page.evaluate(() => [...document.querySelectorAll("main article")].map((a) =>
        [a.classList.contains("user") ? "user" : "assistant", (a.querySelector(".bubble") ?? a.querySelector(".markdown"))?.innerText.trim() ?? ""]));
}

// ---- axe ----

const AXE = fs.readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What axe finds; it comes by the debugger, which no policy stops. */
export async function axe(page, what) {
    const debug = await page.context().newCDPSession(page);
    const { result } = await debug.send("Runtime.evaluate", {
        expression: `globalThis.axe || (() => { ${AXE} })(); (async () => {
            const { violations } = await axe.run(document, { resultTypes: ["violations"], runOnly: { type: "tag",
                values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] } });
            return violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + " (" + n.failureSummary.replace(/\\s+/g, " ").slice(0, 200) + ")").join(" | "));
        })()`,
        awaitPromise: true, returnByValue: true,
    });
    await debug.detach();
    return is(result.value ?? result.description, [], `axe finds nothing: ${what}`);
}

/** Boxes that stick out of the window to the right or left, but for those that scroll by themselves. */
export function sticking(page) {
    return page.evaluate(() => {
        const bad = [];
        const scrolls = (el) => {
            for (let p = el.parentElement; p && p !== document.body; p = p.parentElement) {
                const { overflowX } = getComputedStyle(p);
                if ((overflowX === "auto" || overflowX === "scroll") && p.scrollWidth > p.clientWidth && p.getBoundingClientRect().right <= innerWidth + 1) return true;
            }
            return false;
        };
        for (const el of document.querySelectorAll("body *")) {
            const box = el.getBoundingClientRect();
            if (!box.width || !box.height || (box.right <= innerWidth + 1 && box.left >= -1)) continue;
            if (!el.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || el.closest(".offscreen, .skip, .katex, [hidden]") || scrolls(el)) continue;
            const { clip, clipPath } = getComputedStyle(el);
            if (clip !== "auto" || clipPath !== "none") continue;
            // A drawer that is pushed aside is not there, nor is it while it goes.
            if (el.closest("aside:not(.open)") && matchMedia("(max-width: 767px)").matches) continue;
            bad.push(`${el.tagName}.${el.className} ${Math.round(box.left)}-${Math.round(box.right)} of ${innerWidth}`);
        }
        return bad.slice(0, 5);
    });
}

/** A picture of it for people, where one is wanted (make check-page). */
export async function picture(page, name) {
    if (!task.shots) return;
    fs.mkdirSync(task.shots, { recursive: true });
    await page.screenshot({ path: `${task.shots}/${name}.png`, animations: "allow", caret: "initial" });
}

// ---- the run ----

/** What waits for a page, a server or a timer leaves the processor to others. */
const SIDE_BY_SIDE = 4;

async function runOne(name, part, up) {
    const before = Date.now();
    const pages = [];
    await visits.run(pages, async () => {
        let late;
        try {
            // What a browser is asked to evaluate has no time of its own.
            await Promise.race([part(up), new Promise((_, fail) => (late = setTimeout(() => fail(new Error(`${name} hangs`)), (task.long ? 40 : 20) * PATIENCE)))]);
        } catch (e) {
            for (const [i, page] of pages.entries()) await picture(page, `failed-${name}-${i}`).catch(() => undefined);
            ok(false, name, e.stack);
        }
        clearTimeout(late);
    });
    is(pages.flatMap((p) => p.bad), [], `${name}: no violation of the policy, no error, no request to anybody else`);
    for (const page of pages) await page.context().close().catch(() => undefined);
    note(`${name}: ${Date.now() - before} ms`);
}

/** Runs the groups of parts one after another, the parts of each side by side; one that dies is a failure, and the others run all the same. */
export async function run(groups, usual) {
    const up = await upstream(task.upstream, 2 * PATIENCE, usual);
    const only = process.env.CHAT_TEST_PAGE_PART;
    for (const group of groups) {
        const todo = Object.entries(group).filter(([name]) => !only || name.includes(only));
        const worker = async () => {
            for (let next; (next = todo.shift()); ) await runOne(...next, up);
        };
        await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    }
    await (await browser)?.close();
    up.close();
    process.exit(0);
}
