// SPDX-License-Identifier: Apache-2.0
//
// What is built, as httpd sends it: scripts and styles compressed beforehand, the
// licences of what is in them, and the sums of all that is not compressed, by which
// it is known again.
//
//   node finish.mjs DIRECTORY         compress, and write SHA256SUMS
//   node finish.mjs --check DIRECTORY whether it is what it was
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

/** What is shorter is not worth a file. */
const WORTH = 1000;

/** Whose code is in what is built. */
const PARTS = ["@preact/signals", "@preact/signals-core", "highlight.js", "katex", "marked", "preact"];

function licences() {
    const of = (name) => {
        const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
        return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").replace(/\r/g, "").trim()}\n`;
    };
    return PARTS.map(of).join(`\n${"-".repeat(72)}\n\n`);
}

const check = process.argv[2] === "--check";
const dir = process.argv.at(-1);
if (!check) writeFileSync(`${dir}/LICENSES.txt`, licences());
const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && e.name !== "SHA256SUMS")
    .map((e) => `${e.parentPath}/${e.name}`.slice(dir.length + 1))
    .sort();
const plain = names.filter((n) => !/\.(?:gz|br)$/.test(n));
const read = (name) => readFileSync(`${dir}/${name}`);
const sums = plain.map((n) => `${createHash("sha256").update(read(n)).digest("hex")}  ${n}\n`).join("");

function compress(name) {
    const bytes = read(name);
    if (bytes.length < WORTH) return;
    writeFileSync(`${dir}/${name}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${dir}/${name}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
}

function wrong() {
    if (read("SHA256SUMS").toString() !== sums) return "SHA256SUMS does not fit the files";
    for (const name of names.filter((n) => !plain.includes(n))) {
        const of = name.slice(0, -3);
        if (!plain.includes(of)) return `${name} has no ${of} beside it`;
        const bytes = name.endsWith(".gz") ? gunzipSync(read(name)) : brotliDecompressSync(read(name));
        if (!bytes.equals(read(of))) return `${name} is another file than ${of}`;
    }
    return null;
}

if (check) {
    const what = wrong();
    if (what) console.error(`${dir}: ${what}`);
    process.exitCode = what ? 1 : 0;
} else {
    for (const name of plain.filter((n) => /\.(?:js|css)$/.test(n))) compress(name);
    writeFileSync(`${dir}/SHA256SUMS`, sums);
}
