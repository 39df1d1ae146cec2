// SPDX-License-Identifier: Apache-2.0
//
// How soon a stranger sees the page and can write in it, on a slow phone: 1.6 Mbit/s
// down, 150 ms to the server, a processor that is four times slower, nothing kept
// from earlier visits (make check-page).
import os from "node:os";
import { browse, note, ok, PHONE, run, task, until } from "./lib.mjs";

const LOADS = 9;
const ROUNDS = 4;
const BUDGET = 1000;

try {
    // What is measured is a phone that has nothing else to do: it goes before what else runs, where it may.
    os.setPriority(-15);
} catch {
    note("it has no priority here");
}

/** When there was something to see, when what was typed as soon as that was drawn, and when the page's script had run; in milliseconds since the page was asked for. */
async function load() {
    const page = await browse(`${task.origin}/sign-in`, { ...PHONE, locale: "en-GB" });
    await page.addInitScript(() => {
        new PerformanceObserver((list) => {
            if (list.getEntriesByName("first-contentful-paint").length) window.seen("");
        }).observe({ type: "paint", buffered: true });
        addEventListener("input", () => requestAnimationFrame(() => requestAnimationFrame((now) => (window.typed ??= now))));
        document.addEventListener("DOMContentLoaded", () => (window.whole = performance.now()));
    });
    const debug = await page.context().newCDPSession(page);
    const seen = new Promise((resolve) => page.exposeBinding("seen", resolve));
    await debug.send("Network.enable");
    await debug.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 200000, uploadThroughput: 93750 });
    await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await page.goto(task.url, { waitUntil: "commit" });
    await seen;
    await page.evaluate(() => document.querySelector("#composer").focus());
    await debug.send("Input.insertText", { text: "a" });
    await until("what was typed", () => page.evaluate(() => window.typed && window.whole));
    const times = await page.evaluate(() => ({
        seen: performance.getEntriesByName("first-contentful-paint")[0].startTime, typed: window.typed, whole: window.whole, text: document.querySelector("#composer").value,
    }));
    // A processor is made slow by being kept busy.
    await page.context().close();
    return times;
}

/** Of what is in order. */
const median = (list) => list[list.length >> 1];

async function soon() {
    let loads;
    const of = (name) => loads.map((l) => Math.round(l[name])).sort((a, b) => a - b);
    const within = (name) => median(of(name)) <= BUDGET;
    // Another one's work on this machine makes the phone slower: the best of a few rounds.
    for (let round = 0; round < ROUNDS && !(loads && within("seen") && within("typed")); round++) {
        loads = [];
        for (let i = 0; i < LOADS; i++) loads.push(await load());
        for (const name of ["seen", "typed", "whole"]) note(`${name}: ${median(of(name))} ms (${of(name).join(", ")})`);
        ok(loads.every((l) => l.text === "a"), "what is typed as soon as there is something to see stays", loads);
    }
    ok(within("seen"), `there is something to see within ${BUDGET} ms`, of("seen"));
    ok(within("typed"), `... and to write in within ${BUDGET} ms`, of("typed"));
}

run([{ soon }]);
