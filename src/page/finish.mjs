// SPDX-License-Identifier: Apache-2.0
//
// What is built, as httpd sends it: scripts and styles compressed beforehand, and
// the sums of all that is not compressed, by which it is known again.
//
//   node finish.mjs DIRECTORY         compress, and write SHA256SUMS
//   node finish.mjs --check DIRECTORY whether it is what it was
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

/** What is shorter is not worth a file. */
const WORTH = 1000;

const check = process.argv[2] === "--check";
const dir = process.argv.at(-1);
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
