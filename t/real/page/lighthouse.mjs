// SPDX-License-Identifier: Apache-2.0
//
// Lighthouse on its telephone, as make check-page runs it (npm, pinned in
// lighthouse/): what a stranger sees first.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import readline from "node:readline";
import lighthouse from "./lighthouse/node_modules/lighthouse/core/index.js";
import { throttling } from "./lighthouse/node_modules/lighthouse/core/config/constants.js";
import { note, ok, task } from "./lib.mjs";

const profile = fs.mkdtempSync(`${os.tmpdir()}/chat-lighthouse-`);
// What it measures is the time of a processor that has nothing else to do: it goes before what else runs, where it may.
const browser = spawn("nice", ["-n", "-15", "chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"], detached: true });
// What has that name may be a shell that waits for the browser: all of its group end.
process.on("exit", () => {
    try {
        process.kill(-browser.pid, "SIGKILL");
    } catch {
        // It has ended.
    }
});
let port;
for await (const line of readline.createInterface({ input: browser.stderr })) {
    port = Number(/^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line)?.[1]);
    if (port) break;
}
browser.stderr.resume();

const { mobileSlow4G } = throttling;
const WANTED = { performance: 0.98, accessibility: 0.98, "best-practices": 0.98, seo: 0.98 };
// Its telephone is simulated from what it traced here, so another one's work on this machine makes it slower: the best of a few.
let best = {};
// Four times slower than a machine of its benchmark 1000 at least; one that is slower already is slowed less, as Lighthouse's own documentation
// (docs/throttling.md, "CPU throttling") asks for.
const slowdown = (benchmark) => Math.max(1, Math.min(4, (4 * benchmark) / 1000));
let cpuSlowdownMultiplier = 4;
for (let turn = 0; turn < 9 && Object.entries(WANTED).some(([name, least]) => (best[name] ?? 0) < least); turn++) {
    const { lhr } = await lighthouse(task.url, { port, output: "json", logLevel: "error", onlyCategories: Object.keys(WANTED), throttlingMethod: "simulate",
        throttling: { ...mobileSlow4G, cpuSlowdownMultiplier } });
    const audits = ["first-contentful-paint", "largest-contentful-paint", "interactive", "total-blocking-time", "cumulative-layout-shift"];
    note([...audits.map((name) => `${name} ${lhr.audits[name].displayValue}`), `slowed ${cpuSlowdownMultiplier} times`, `benchmark ${lhr.environment.benchmarkIndex}`].join(", "));
    for (const [name, { score, auditRefs }] of Object.entries(lhr.categories)) {
        // A machine that was faster than what it was slowed for says nothing of a telephone.
        if (name === "performance" && cpuSlowdownMultiplier < slowdown(lhr.environment.benchmarkIndex)) continue;
        if (score > (best[name] ?? 0)) best[name] = score;
        for (const { id, weight } of auditRefs) if (weight && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9) note(`${name}: ${id}: ${lhr.audits[id].title} ${lhr.audits[id].displayValue ?? ""}`);
    }
    cpuSlowdownMultiplier = slowdown(lhr.environment.benchmarkIndex);
    ok(!lhr.runtimeError, "Lighthouse has run", lhr.runtimeError);
}
for (const [name, least] of Object.entries(WANTED)) ok(best[name] >= least, `Lighthouse: ${name} is at least ${least * 100}`, best);
process.kill(-browser.pid, "SIGKILL");
await new Promise((resolve) => browser.on("exit", resolve));
fs.rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
process.exit(0);
