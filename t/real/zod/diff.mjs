// SPDX-License-Identifier: Apache-2.0
//
// What the real zod says about request bodies, for t/20-request-zod.t.
//
//   node diff.mjs make SCHEMA SEED COUNT BODIES VERDICTS
//       makes COUNT bodies from a seed: BODIES gets one a line in base64,
//       VERDICTS the line that build/plain/tools/validate should print for it
//   node diff.mjs judge SCHEMA < BODIES > VERDICTS
//
// SCHEMA is one of those in schemas.mjs.
//
// The limits are those that validate has by default. Where mod_chat refuses
// what JSON.parse takes, on purpose, deviates() says so.
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { body } from "./bodies.mjs";
import { seed } from "./parts.mjs";
import { MAX_BYTES, schemas } from "./schemas.mjs";

const MAX_DEPTH = 64;
const MAX_VALUES = 10000;

// ---- the verdict ----

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[[{]|[\]}]|[^\s,:[\]{}"]+/g;

// Of a text that JSON.parse takes: does mod_chat refuse it all the same?
function deviates(text) {
  let depth = 0, deepest = 0, values = 0;
  for (const [token, name] of text.matchAll(TOKEN)) {
    if (token[0] === "]" || token[0] === "}") {
      depth--;
      continue;
    }
    if (name === undefined)
      values++;
    if (token[0] === "[" || token[0] === "{")
      deepest = Math.max(deepest, ++depth);
    else if (token[0] === '"') {
      const string = JSON.parse(name ? token.slice(0, -name.length) : token);
      if (string.includes("\0") || !string.isWellFormed())
        return true;
    }
  }
  return deepest > MAX_DEPTH || values > MAX_VALUES;
}

function verdict(bytes, { schema, turn, refuses }) {
  const jsonError = { verdict: "json_error", issues: [] };
  let text, body;
  if (bytes.length > MAX_BYTES)
    return jsonError;
  try {
    text = utf8.decode(bytes);
    body = JSON.parse(text);
  }
  catch {
    return jsonError;
  }
  if (deviates(text))
    return jsonError;
  if (refuses?.(body))
    return { verdict: "reject", issues: [] };
  let result;
  try {
    result = schema.safeParse(body);
  }
  catch { // {"messages":{"length":{"toString":1}}} is too much for zod
    return { verdict: "throws" };
  }
  return result.success
    ? { verdict: "accept", issues: [], turn: turn(result.data) }
    : { verdict: "reject", issues: result.error.issues };
}

// ---- commands ----

async function put(stream, line) {
  if (!stream.write(line + "\n"))
    await once(stream, "drain");
}

async function make(kind, number, count, bodiesPath, verdictsPath) {
  const bodies = createWriteStream(bodiesPath);
  const verdicts = createWriteStream(verdictsPath);
  seed(number);
  for (let i = 0; i < count; i++) {
    const bytes = body(kind);
    await put(bodies, bytes.toString("base64"));
    await put(verdicts, JSON.stringify(verdict(bytes, schemas[kind])));
  }
  bodies.end();
  verdicts.end();
  await Promise.all([once(bodies, "finish"), once(verdicts, "finish")]);
}

async function judge(kind) {
  for await (const line of createInterface({ input: process.stdin })) {
    const bytes = Buffer.from(line, "base64");
    console.log(JSON.stringify(verdict(bytes, schemas[kind])));
  }
}

const [command, kind, number, count, bodies, verdicts] = process.argv.slice(2);
if (command === "make")
  await make(kind, Number(number), Number(count), bodies, verdicts);
else
  await judge(kind);
