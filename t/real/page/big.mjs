// SPDX-License-Identifier: Apache-2.0
//
// A conversation of a thousand messages (make check-page): it opens at its end, it can be read to its
// beginning, it does not fill the memory, and going to and fro leaves nothing behind.
// And a page that nothing happens on does nothing.
import { answers, api, composer, is, note, ok, run, task, until, visit } from "./lib.mjs";

// The short form has a fifth of it.
const MESSAGES = task.long ? 1000 : 200;
const TURNS = task.long ? 200 : 4;
const WORDS = "Some words of an answer, **strong** ones among them, `code`, and what else there is to say. ".repeat(14);

async function gathered(page) {
    const debug = await page.context().newCDPSession(page);
    for (let i = 0; i < 2; i++) await debug.send("HeapProfiler.collectGarbage");
    const { usedSize } = await debug.send("Runtime.getHeapUsage");
    const { nodes } = await debug.send("Memory.getDOMCounters");
    await debug.detach();
    return { bytes: usedSize, nodes };
}

async function made(title, n) {
    const id = crypto.randomUUID();
    const at = (i) => new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString();
    const messages = Array.from({ length: n }, (_, i) => ({
        id: crypto.randomUUID(), role: i % 2 ? "assistant" : "user", status: "complete", createdAt: at(i),
        parts: [{ type: "text", text: i % 2 ? `Answer ${i}. ${WORDS}` : `Question ${i}?` }],
    }));
    messages.forEach((m, i) => (m.parentId = i ? messages[i - 1].id : null));
    const exported = (await api("ann", "GET", "export?format=json")).json;
    const res = await api("ann", "POST", "import", { ...exported, conversations: [{ id, title, createdAt: at(0), updatedAt: at(n), currentMessageId: messages.at(-1).id, messages }] });
    if (Number(res.status) !== 200) throw new Error(`import: ${JSON.stringify(res)}`);
    const list = (await api("ann", "GET", "conversations?limit=50")).json.data;
    return list.find((c) => c.title === title).id;
}

async function thousand() {
    const big = await made("Many messages", MESSAGES);
    const small = await made("A few messages", 6);
    const page = await visit("ann", { at: `#/c/${small}` });
    await page.getByText("Answer 5.").waitFor();
    const go = (id) => page.evaluate((id) => (location.hash = `#/c/${id}`), id);

    await go(big);
    await page.getByText(`Answer ${MESSAGES - 1}.`).waitFor();
    const atEnd = () => page.evaluate(() => {
        const frame = document.querySelector(".thread").getBoundingClientRect();
        const last = [...document.querySelectorAll("main article")].at(-1)?.getBoundingClientRect();
        return last && last.bottom <= frame.bottom + 1 && last.bottom > frame.bottom - 48;
    });
    await until("the end", atEnd);
    await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))));
    ok(await atEnd(), "it opens at its end");

    // To its beginning, as a reader does.
    await page.locator(".thread").focus();
    for (let had = 0; had < MESSAGES; ) {
        await page.waitForFunction((had) => {
            document.querySelector(".thread").scrollTop = 0;
            return document.querySelectorAll("main article").length > had;
        }, had);
        had = await page.locator("main article").count();
    }
    ok(await page.getByText("Question 0?", { exact: true }).count(), "all of it can be read");
    const { bytes } = await gathered(page);
    note(`${(bytes / 1e6).toFixed(1)} MB with ${MESSAGES} messages`);
    ok(bytes <= 30e6, "it takes at most 30 MB", { bytes });
    ok(await page.evaluate(() => window.find("Question 100?", false, false, true)), "what is in it can be found by the browser's own search");

    // To and fro.
    const fro = async (times) => {
        for (let i = 0; i < times; i++) {
            await go(small);
            await page.getByText("Answer 5.").waitFor();
            await go(big);
            await page.getByText(`Answer ${MESSAGES - 1}.`).waitFor({ state: "attached" });
        }
        await go(small);
        await page.getByText("Answer 5.").waitFor();
        return gathered(page);
    };
    const before = await fro(3);
    const after = await fro(TURNS);
    note(`${before.nodes} nodes and ${(before.bytes / 1e6).toFixed(1)} MB before, ${after.nodes} and ${(after.bytes / 1e6).toFixed(1)} MB after ${TURNS} switches`);
    ok(after.nodes <= before.nodes * 1.2 + 500, "going to and fro leaves no nodes behind", { before, after });
    ok(after.bytes <= before.bytes + 1.5e6, "... and no memory", { before, after });
}

async function idle() {
    const page = await visit("bob");
    await composer(page).waitFor();
    await page.waitForLoadState("networkidle");
    const debug = await page.context().newCDPSession(page);
    await debug.send("Performance.enable", { timeDomain: "threadTicks" });
    const counts = async () => Object.fromEntries((await debug.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
    const before = await counts();
    // Nothing is waited for here: that nothing happens is what is looked at.
    await new Promise((r) => setTimeout(r, 5000));
    const after = await counts();
    const spent = (after.ScriptDuration - before.ScriptDuration) * 1000;
    note(`${spent.toFixed(2)} ms of script in 5 s, ${after.LayoutCount - before.LayoutCount} layouts`);
    ok(spent < 1, "a page that nothing happens on does nothing", { before, after });
    is(after.LayoutCount - before.LayoutCount, 0, "... and lays nothing out");
}

run([{ thousand, idle }]);
