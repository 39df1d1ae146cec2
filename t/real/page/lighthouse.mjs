// SPDX-License-Identifier: Apache-2.0
//
// Lighthouse on its telephone, as make check-page runs it (npm, pinned in
// lighthouse/): what a stranger sees first.
import { chromium } from "playwright-core";
import lighthouse from "./lighthouse/node_modules/lighthouse/core/index.js";
import { freePort, note, ok, task } from "./lib.mjs";

const port = await freePort();
const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--remote-debugging-port=${port}`],
});
const WANTED = { performance: 0.98, accessibility: 0.98, "best-practices": 0.98, seo: 0.98 };
// The machine may be busy with something else: the best of three.
let best = {};
for (let turn = 0; turn < 3 && Object.entries(WANTED).some(([name, least]) => (best[name] ?? 0) < least); turn++) {
    const { lhr } = await lighthouse(task.url, { port, output: "json", logLevel: "error", onlyCategories: Object.keys(WANTED) });
    const audits = ["first-contentful-paint", "largest-contentful-paint", "interactive", "total-blocking-time", "cumulative-layout-shift"];
    note(audits.map((name) => `${name} ${lhr.audits[name].displayValue}`).join(", "));
    for (const [name, { score, auditRefs }] of Object.entries(lhr.categories)) {
        if (score > (best[name] ?? 0)) best[name] = score;
        for (const { id, weight } of auditRefs) if (weight && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9) note(`${name}: ${id}: ${lhr.audits[id].title} ${lhr.audits[id].displayValue ?? ""}`);
    }
    ok(!lhr.runtimeError, "Lighthouse has run", lhr.runtimeError);
}
for (const [name, least] of Object.entries(WANTED)) ok(best[name] >= least, `Lighthouse: ${name} is at least ${least * 100}`, best);
await browser.close();
process.exit(0);
