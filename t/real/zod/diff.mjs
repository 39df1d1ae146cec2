// SPDX-License-Identifier: Apache-2.0
//
// What the real zod says about request bodies, for t/20-request-zod.t.
//
//   node diff.mjs make SEED COUNT BODIES VERDICTS
//       makes COUNT bodies from a seed: BODIES gets one a line in base64,
//       VERDICTS the line that build/plain/tools/validate should print for it
//   node diff.mjs judge < BODIES > VERDICTS
//
// The limits are those that validate has by default. Where mod_chat refuses
// what JSON.parse takes, on purpose, deviates() says so.
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { z } from "zod";

const MAX_TOTAL = 40000;
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_VALUES = 10000;

// ---- the verdict ----

const Message = z.object({
  role: z.enum(["user", "assistant", "system"]),
  content: z.string().min(1).max(4000),
});

const Body = z.object({
  messages: z.array(Message).min(1).max(30).superRefine((messages, ctx) => {
    const total = messages.reduce((sum, m) => sum + m.content.length, 0);
    if (total > MAX_TOTAL)
      ctx.addIssue({
        code: "custom",
        message: `Total content length must be at most ${MAX_TOTAL} characters`,
      });
  }),
  system: z.string().optional(),
  model: z.string().optional(),
  temperature: z.number().min(0).max(2).optional(),
  maxOutputTokens: z.number().int().positive().max(16384).optional(),
  responseFormat: z.union([
    z.literal("text"),
    z.object({
      type: z.literal("json_schema"),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().optional(),
    }),
  ]).optional(),
});

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

function bits(number) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

// What validate prints of a turn, in its order.
function turn({ messages, system, model, temperature, maxOutputTokens,
                responseFormat }) {
  const strict = responseFormat?.strict;
  return {
    messages: messages.map(({ role, content }) => ({ role, content })),
    system,
    model,
    temperature: temperature === undefined ? undefined : bits(temperature),
    maxOutputTokens,
    strict: responseFormat?.schema && (strict === undefined ? -1 : +strict),
  };
}

function verdict(bytes) {
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
  let result;
  try {
    result = Body.safeParse(body);
  }
  catch { // {"messages":{"length":{"toString":1}}} is too much for zod
    return { verdict: "throws" };
  }
  return result.success
    ? { verdict: "accept", issues: [], turn: turn(result.data) }
    : { verdict: "reject", issues: result.error.issues };
}

// ---- chance ----

let state = 0;

function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const below = (n) => Math.floor(random() * n);
const between = (low, high) => low + below(high - low + 1);
const chance = (p) => random() < p;
const pick = (list) => list[below(list.length)];

// ---- JSON that is not a JavaScript value: odd spellings, equal names ----

class Raw {
  constructor(text) { this.text = text; }
}

class Members {
  constructor(pairs) { this.pairs = pairs; }
}

const SPACES = ["", "", "", "", "", " ", "\n", "\t\r\n  "];
let spaced = false;
const space = () => (spaced ? pick(SPACES) : "");

function escaped(unit) {
  const hex = unit.toString(16).padStart(4, "0");
  return "\\u" + (chance(0.5) ? hex : hex.toUpperCase());
}

function writeString(string) {
  const plain = JSON.stringify(string);
  if (!chance(0.2))
    return plain;
  const share = pick([0.05, 0.5, 1]);
  let text = "";
  for (let i = 0; i < string.length; i++) {
    const unit = string.charCodeAt(i);
    const pair = unit >= 0xd800 && unit < 0xdc00 && i + 1 < string.length;
    if (chance(share)) {
      text += escaped(unit);
      if (pair)
        text += escaped(string.charCodeAt(++i));
    }
    else if (pair)
      text += string[i] + string[++i];
    else
      text += string[i] === "/" && chance(0.5)
        ? "\\/" : JSON.stringify(string[i]).slice(1, -1);
  }
  return `"${text}"`;
}

function write(value) {
  if (value instanceof Raw)
    return value.text;
  if (typeof value === "string")
    return writeString(value);
  if (Array.isArray(value))
    return `[${space()}${value.map(write)
      .join(`${space()},${space()}`)}${space()}]`;
  if (value instanceof Members)
    return `{${space()}${value.pairs.map(([name, member]) =>
      `${writeString(name)}${space()}:${space()}${write(member)}`)
      .join(`${space()},${space()}`)}${space()}}`;
  return JSON.stringify(value);
}

// ---- parts ----

const NINES = "9".repeat(30);
const NUMBERS = [
  "0", "-0", "0.0", "-0.0", "0e0", "-0e5", "1", "1.0", "1e0", "10e-1", "2",
  "2.0", "2.0000000000000001", "2.0000000000000004", "2.0001", "-1", "-1e-400",
  "1e-400", "5e-324", "1e400", "-1e400", "1e308", "1.5", "-1.5", "0.5", "1e2",
  "1E+2", "100", "16384", "16384.0", "1.6384e4", "16385", "16384.5", "1e9",
  "2147483647", "2147483648", "4294967296", "-2147483649",
  "9007199254740991", "9007199254740992", "9007199254740993",
  "-9007199254740991", "-9007199254740992", "-9007199254740993",
  "9007199254740991.0", "9223372036854775807", "9223372036854775808",
  "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
  "18446744073709551616", NINES, `-${NINES}`, `${NINES}e-28`,
  `0.${NINES}`, "9".repeat(400), `-${"9".repeat(400)}`, `1${"0".repeat(308)}`,
  `1${"0".repeat(309)}`, `${"9".repeat(400)}e-400`, `0.${"0".repeat(400)}1`,
];

function number() {
  if (chance(0.7))
    return new Raw(pick(NUMBERS));
  const sign = chance(0.3) ? "-" : "";
  const digits = () => String(below(10 ** between(1, 9)));
  let text = sign + (chance(0.3) ? "0" : digits().repeat(between(1, 3)));
  text = text.replace(/^(-?)0+(?=\d)/, "$1");
  if (chance(0.5))
    text += "." + digits();
  if (chance(0.4))
    text += pick(["e", "E"]) + pick(["", "+", "-"]) + below(pick([5, 30, 400]));
  return new Raw(text);
}

const UNITS = [
  "a", "a", "a", "\u00e9", "\u20ac", "\u{1f600}", "e\u0301", "\u0301",
  "\u{10ffff}", "\u{1d800}", "\u{2dc00}", "\uffff", "\u007f", "\ufeff",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}", "/", "\"", "\\", "\n", "\u0001",
  "\u2028", " ",
];

// A text of about so many code points or units, give or take a few.
function textOf(length) {
  const unit = pick(UNITS);
  const measure = chance(0.5) ? [...unit].length : unit.length;
  let text = unit.repeat(Math.max(0, Math.floor(length / measure)));
  if (chance(0.3))
    text = pick(UNITS) + text.slice(pick([0, unit.length]));
  return text;
}

const WORDS = ["hi", "q", "user", "text", "json_schema", "true", "1", " ",
               "\u{1f600}", "\u{1d11e}x", "constructor"];

function string() {
  const kind = random();
  if (kind < 0.55)
    return pick(WORDS);
  if (kind < 0.6)
    return "";
  if (kind < 0.97)
    return textOf(between(1, 40));
  return textOf(pick([1999, 2000, 2001, 3999, 4000, 4000, 4001, 4002, 8000]));
}

const NAMES = ["a", "b", "", "0", "7", "messages", "role", "content", "system",
               "model", "temperature", "maxOutputTokens", "responseFormat",
               "type", "schema", "strict", "name", "stream", "Messages",
               "content ", "__proto__", "constructor", "toString", "prototype",
               "hasOwnProperty", "length", "\u{1f600}", "a\"b\\", "a\n"];

function anything(depth = 3) {
  const kind = below(depth ? 9 : 6);
  switch (kind) {
  case 0: return null;
  case 1: return chance(0.5);
  case 2: return number();
  case 3: case 4: case 5: return string();
  case 6: return Array.from({ length: below(4) }, () => anything(depth - 1));
  default: return new Members(Array.from({ length: below(4) }, () =>
    [pick(NAMES), anything(depth - 1)]));
  }
}

function nested(depth) {
  let value = pick([null, 1, "x", [], new Members([])]);
  for (let i = 0; i < depth; i++)
    value = chance(0.5) ? [value] : new Members([["a", value]]);
  return value;
}

function message(content = string()) {
  const pairs = [["role", pick(["user", "assistant", "system"])],
                 ["content", content]];
  if (chance(0.1))
    pairs.reverse();
  return new Members(pairs);
}

function messages() {
  const kind = random();
  if (kind < 0.9)
    return Array.from({ length: between(1, 5) }, () => message());
  if (kind < 0.98)
    return Array.from({ length: pick([29, 30, 30, 31, 32]) }, () => message());
  // the sum of all around its maximum
  const unit = pick(["a", "a", "\u20ac", "\u{1f600}"]);
  const list = Array.from({ length: 10 }, () =>
    message(unit.repeat(4000 / unit.length)));
  list.push(message(pick(["a", "\u{1f600}", "ab", ""])));
  if (chance(0.5))
    list[0] = message(unit.repeat(4000 / unit.length - between(0, 2)));
  if (chance(0.2))
    list[1] = message(unit.repeat(4001));
  return list;
}

function schema() {
  return chance(0.7)
    ? new Members([["type", "object"], ["properties", anything(3)]])
    : new Members([[pick(NAMES), anything(3)], [pick(NAMES), anything(2)]]);
}

function responseFormat() {
  if (chance(0.4))
    return "text";
  const pairs = [["type", "json_schema"], ["schema", schema()]];
  if (chance(0.5))
    pairs.push(["strict", chance(0.5)]);
  return new Members(pairs);
}

function valid() {
  const pairs = [["messages", messages()]];
  if (chance(0.3))
    pairs.push(["system", string()]);
  if (chance(0.3))
    pairs.push(["model", string()]);
  if (chance(0.4))
    pairs.push(["temperature", pick([0, 1, 2, 0.7, 1.25, new Raw("-0")])]);
  if (chance(0.4))
    pairs.push(["maxOutputTokens", pick([1, 256, 16384, new Raw("1e3")])]);
  if (chance(0.4))
    pairs.push(["responseFormat", responseFormat()]);
  return new Members(pairs);
}

// ---- damage to the shape ----

const has = (body, name) => body.pairs.find(([n]) => n === name);

function set(body, name, value) {
  const pair = has(body, name);
  if (pair)
    pair[1] = value;
  else
    body.pairs.push([name, value]);
}

// Some Members of the tree: the body, a message, the format.
function place(body) {
  const list = has(body, "messages")?.[1];
  const format = has(body, "responseFormat")?.[1];
  const places = [body];
  if (Array.isArray(list))
    places.push(...list.filter((m) => m instanceof Members).slice(0, 3));
  if (format instanceof Members)
    places.push(format, format);
  return pick(places);
}

// zod looks at the length of anything that has one, and as a number.
const LENGTHS = [
  null, true, false, 0, 1, 30, 31, 30.5, new Raw("1e400"), new Raw("-0"),
  "", "5", " 31 ", "\u00a05\ufeff\n", "5\u200b", "5.", ".5", ".", "007", "+7",
  "-7", "+-7", "1e1", "1E+1", "1e", "1e400", "0x1f", "0X1G", "0x", "-0x1",
  "0o17", "0b1", "0b2", "Infinity", "-Infinity", "infinity", "NaN", "nan",
  "1_0", "1,5", "1 2", "0x1p3", "9".repeat(400), "7n",
  [], [7], [[7]], ["7"], ["0x1f "], [null], [true], [1, 2], [[]], [[], []],
  [new Members([])], new Members([]), new Members([["length", 5]]),
  new Members([["valueOf", 1]]),
];

function withLength() {
  const value = new Members([["length", pick(LENGTHS)]]);
  if (chance(0.2))
    value.pairs.push([pick(NAMES), anything(1)]);
  return value;
}

const DAMAGE = [
  (body) => { set(body, "messages", withLength()); },
  (body) => { set(body, "messages", [message(withLength()), message()]); },
  (body) => { set(body, "temperature", number()); },
  (body) => { set(body, "maxOutputTokens", number()); },
  (body) => {
    set(body, pick(["system", "model", "temperature", "maxOutputTokens",
                    "responseFormat", "messages"]), anything());
  },
  (body) => { set(body, "responseFormat", responseFormat()); },
  (body) => {
    const { pairs } = place(body);
    if (pairs.length)
      pick(pairs)[1] = anything();
  },
  (body) => {
    const { pairs } = place(body);
    if (pairs.length)
      pairs.splice(below(pairs.length), 1);
  },
  (body) => { // a name twice
    const { pairs } = place(body);
    if (pairs.length)
      pairs.splice(below(pairs.length + 1), 0,
                   [pick(pairs)[0], chance(0.5) ? anything() : string()]);
  },
  (body) => { // an unknown name
    const { pairs } = place(body);
    pairs.splice(below(pairs.length + 1), 0, [pick(NAMES), anything()]);
  },
  (body) => { // other names
    const { pairs } = place(body);
    if (pairs.length)
      pick(pairs)[0] = pick(NAMES);
  },
  (body) => {
    const list = has(body, "messages")?.[1];
    if (Array.isArray(list))
      list.splice(below(list.length + 1), below(2), anything());
  },
  (body) => { set(body, "messages", []); },
  (body) => {
    set(body, "responseFormat", new Members([
      ["type", pick(["json_schema", "text", "json_object", null])],
      ["schema", chance(0.5) ? schema() : anything()],
      ["strict", anything(0)]]));
  },
  (body) => {
    if (chance(0.2))
      set(body, pick(["responseFormat", "x"]), nested(between(58, 70)));
  },
  (body) => {
    if (chance(0.05))
      set(body, "x", new Raw(`[${"0,".repeat(between(9970, 10010))}0]`));
  },
];

// ---- damage to the text ----

const BYTES = [0, 1, 9, 10, 0x1f, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed,
               0xf0, 0xf4, 0xf5, 0xff, ..."\"\\/'`,:{}[]-+.0123456789eEuntf "]
  .map((b) => (typeof b === "number" ? b : b.charCodeAt(0)));

const PIECES = ["\ufeff", ",", ",,", "//x\n", "/**/", "NaN", "Infinity",
                "-Infinity", "undefined", "tru", "null", "\\u0000", "\\ud800",
                "\\udc00", "\\ud83d\\ude00", "\\x41", "\\'", "\\u12",
                "\\uD83D\\u0041", "1.", ".5", "+1", "01", "-", "0x1", "1e",
                "{}", "[]", "\"", "\u00a0", "\u2028", "{\"a\":1,}"];

const splice = (bytes, at, drop, add) =>
  Buffer.concat([bytes.subarray(0, at), add, bytes.subarray(at + drop)]);

function damageText(bytes) {
  const at = chance(0.5) ? below(bytes.length + 1)
    : Math.min(below(60), bytes.length);
  switch (below(8)) {
  case 0: return bytes.subarray(0, at);
  case 1: return splice(bytes, at, 1, Buffer.alloc(0));
  case 2: return splice(bytes, at, 0, Buffer.from([pick(BYTES)]));
  case 3: return splice(bytes, at, 1, Buffer.from([pick(BYTES)]));
  case 4: return splice(bytes, at, 0, Buffer.from(pick(PIECES)));
  case 5: return splice(bytes, bytes.length, 0, Buffer.from(pick(PIECES)));
  case 6: return splice(bytes, 0, 0, Buffer.from(pick(PIECES)));
  default: return splice(bytes, at, below(6),
                         bytes.subarray(at, at + below(12)));
  }
}

function body() {
  spaced = chance(0.2);
  if (chance(0.01))
    return Buffer.from(write(anything()));
  const tree = valid();
  const rounds = chance(0.15) ? 0 : between(1, 4);
  for (let i = 0; i < rounds; i++)
    pick(DAMAGE)(tree);
  let bytes = Buffer.from(space() + write(tree) + space());
  if (chance(0.0005)) { // white space up to the longest body, and past it
    const pad = MAX_BYTES - bytes.length + between(-1, 1);
    bytes = Buffer.concat([bytes, Buffer.alloc(pad, " ")]);
  }
  if (chance(0.15))
    for (let i = between(1, 3); i; i--)
      bytes = damageText(bytes);
  return bytes;
}

// ---- commands ----

async function put(stream, line) {
  if (!stream.write(line + "\n"))
    await once(stream, "drain");
}

async function make(seed, count, bodiesPath, verdictsPath) {
  const bodies = createWriteStream(bodiesPath);
  const verdicts = createWriteStream(verdictsPath);
  state = seed;
  for (let i = 0; i < count; i++) {
    const bytes = body();
    await put(bodies, bytes.toString("base64"));
    await put(verdicts, JSON.stringify(verdict(bytes)));
  }
  bodies.end();
  verdicts.end();
  await Promise.all([once(bodies, "finish"), once(verdicts, "finish")]);
}

async function judge() {
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(verdict(Buffer.from(line, "base64"))));
}

const [command, seed, count, bodies, verdicts] = process.argv.slice(2);
if (command === "make")
  await make(Number(seed), Number(count), bodies, verdicts);
else
  await judge();
