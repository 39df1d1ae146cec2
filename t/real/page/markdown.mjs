// SPDX-License-Identifier: Apache-2.0
//
// Markdown that comes in pieces is, at its end, what it is when it comes whole: for
// random cuts of the documents of this repository and of CommonMark's examples, which
// a seed decides. And what a frame of it costs. The renderer is built as the page is.
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { browse, is, note, ok, run, task } from "./lib.mjs";

const SOURCE = `${task.root}/src/page`;

async function build(into) {
    const { build } = await import(pathToFileURL(createRequire(`${SOURCE}/`).resolve("vite")).href);
    await build({
        root: SOURCE,
        configFile: `${SOURCE}/vite.config.ts`,
        logLevel: "error",
        plugins: [{
            name: "markdown-alone",
            resolveId: (id) => (id === "markdown-alone" ? id : null),
            load: (id) => (id === "markdown-alone" ? `import { MarkdownView } from ${JSON.stringify(`${SOURCE}/md/render.ts`)}; window.MarkdownView = MarkdownView;` : null),
        }],
        build: { outDir: into, emptyOutDir: true, rolldownOptions: { input: "markdown-alone", output: { entryFileNames: "markdown.js" } } },
    });
}

function serve(dir) {
    const server = http.createServer((req, res) => {
        const name = req.url.slice(1);
        const file = name && path.join(dir, path.normalize(name));
        if (file && file.startsWith(dir) && fs.existsSync(file)) {
            res.setHeader("Content-Type", name.endsWith(".js") ? "text/javascript" : name.endsWith(".css") ? "text/css" : "application/octet-stream");
            res.end(fs.readFileSync(file));
        } else {
            res.setHeader("Content-Type", "text/html");
            res.end(name ? "" : "<!doctype html><title>Markdown</title><main></main><script type=module src=/markdown.js></script>");
        }
    });
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function documents() {
    const pages = ["README.md", "CHANGES", ...fs.readdirSync(`${task.root}/docs`).filter((n) => n.endsWith(".md")).map((n) => `docs/${n}`)];
    const examples = createRequire(import.meta.url)("commonmark-spec").tests.map((t) => t.markdown);
    const own = [
        "- [x] done\n- [ ] not *yet*\n\n  more\n", "a $5 and $6, \\(x^2\\)\n\n$$\n\\frac{1}{2}\n$$\n\nend", "| a | b |\n|:--|--:|\n| 1 | `|` |\n| 2 |\n\nafter",
        "see [one] and [two][one]\n\n[one]: https://example.org \"t\"\n", "~~~\ncode\n~~~~\ntext\n\n    indented\n\n1. a\n   ```js\n   b\n   ```\n2. c", "> a\nlazy\n> - b\nlazy\n\nc",
        "text\n<div>\n\n*x*\n\n</div>\n<!-- a\n\nb -->\nend", "http://a.example/b_c_d www.b.example x@c.example\n***\n__a__ *b **c** d* ~~e~~", "# a #\n\nb\n===\nc\n---\n\\# d\\\ne  \nf",
    ];
    return [...own, ...examples, ...pages.map((n) => fs.readFileSync(`${task.root}/${n}`, "utf8"))];
}

const CUTS = task.long ? 2000 : 250;

async function cuts(page) {
    const seed = Number(process.env.CHAT_TEST_SEED ?? Date.now() % 1e9);
    note(`seed ${seed} (CHAT_TEST_SEED), ${CUTS} runs`);
    const bad = await page.evaluate(async ({ docs, seed, runs }) => {
        let state = seed;
        // Numerical Recipes' generator: the high bits are good enough.
        const random = (n) => Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * n);
        // A formula is set when KaTeX has come.
        const html = (el) => {
            const copy = el.cloneNode(true);
            for (const math of copy.querySelectorAll(".math")) math.textContent = math.dataset.tex;
            return copy.innerHTML;
        };
        const bad = [];
        const [a, b] = [document.createElement("div"), document.createElement("div")];
        document.querySelector("main").append(a, b);
        for (let run = 0; run < runs && bad.length < 5; run++) {
            // Each document in turn; of a long one a piece that begins at a line.
            let text = docs[run < docs.length ? run : random(docs.length)].replace(/\r\n?/g, "\n");
            if (text.length > 3000) {
                const from = text.lastIndexOf("\n", random(text.length - 2000)) + 1;
                text = text.slice(from, from + 500 + random(2500));
            }
            b.replaceChildren();
            new window.MarkdownView(b).update(text, true);
            a.replaceChildren();
            let held = false;
            const view = new window.MarkdownView(a, (is) => (held = is));
            const step = [1, 3, 8, 40, 200][random(5)] * (text.length > 1000 ? 4 : 1);
            const at = [];
            for (let end = 0; end < text.length; ) {
                end = Math.min(text.length, end + 1 + random(step));
                at.push(end);
                view.update(text.slice(0, end), false);
            }
            view.update(text, true);
            // What is behind a formula waits until it can be shown.
            while (held) await new Promise((resolve) => setTimeout(resolve));
            const [pieces, all] = [a, b].map(html);
            if (pieces !== all) {
                let i = 0;
                while (pieces[i] === all[i]) i++;
                bad.push({ run, step, text: text.slice(0, 300), whole: all.slice(Math.max(0, i - 60), i + 80), pieces: pieces.slice(Math.max(0, i - 60), i + 80) });
            }
        }
        return bad;
    }, { docs: documents(), seed, runs: CUTS });
    is(bad, [], `Markdown in pieces is what it is as a whole (seed ${seed})`);
}

/** An answer as models write them, of some 12,000 characters. */
const ANSWER = Array.from({ length: 11 }, (_, i) => `## Step ${i + 1}: what it is about

${"Words with **strong** ones, `code`, and [a link](https://example.org/) in them, as they come. ".repeat(3)}

1. The first item of this list says something
   - with an item below it
   - and another one
2. The second item

\`\`\`python
def step_${i}(value: int) -> int:
    """What it does."""
    return value + ${i}
\`\`\`

| Name | Value | Meaning |
|------|------:|---------|
| one | ${i} | the first of them |
| two | ${i + 1} | the second of them |

> Something that somebody has said about it, at some length.

`).join("");

/** 100 pieces a second are two for each frame: the processor's time for such a frame, with its layout. */
async function costs(page) {
    const debug = await page.context().newCDPSession(page);
    await debug.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => (await debug.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
    let best = Infinity;
    for (let turn = 0; turn < 3 && best > 1; turn++) {
        const before = await spent();
        const frames = await page.evaluate((text) => {
            const el = document.createElement("div");
            document.querySelector("main").replaceChildren(el);
            const view = new window.MarkdownView(el);
            let frames = 0;
            for (let end = 8; end < text.length; end += 8, frames++) {
                view.update(text.slice(0, end), false);
                void el.offsetHeight;
            }
            return frames;
        }, ANSWER);
        best = Math.min(best, ((await spent()) - before) / frames);
    }
    note(`${best.toFixed(3)} ms a frame`);
    // Others who work beside it make it dearer.
    ok(best <= (task.long ? 1 : 2) * task.scale, "a frame of Markdown costs little", `${best} ms`);
}

async function markdown() {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "chat-markdown-"));
    let server;
    try {
        await build(dir);
        server = await serve(dir);
        const page = await browse(`http://127.0.0.1:${server.address().port}/`);
        await page.waitForFunction(() => window.MarkdownView);
        await costs(page);
        await cuts(page);
    } finally {
        server?.close();
        fs.rmSync(dir, { recursive: true });
    }
}

run([{ markdown }]);
