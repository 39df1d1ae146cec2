// SPDX-License-Identifier: Apache-2.0
//
// Chance from a seed, and JSON made of it: odd numbers, odd texts, odd
// spellings, equal names. For bodies.mjs.

// ---- chance ----

let state = 0;

export function seed(number) {
  state = number;
}

export function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

export const below = (n) => Math.floor(random() * n);
export const between = (low, high) => low + below(high - low + 1);
export const chance = (p) => random() < p;
export const pick = (list) => list[below(list.length)];

// ---- JSON that is not a JavaScript value: odd spellings, equal names ----

export class Raw {
  constructor(text) { this.text = text; }
}

export class Members {
  constructor(pairs) { this.pairs = pairs; }
}

const SPACES = ["", "", "", "", "", " ", "\n", "\t\r\n  "];
let spaced = false;

// Whether what is written from now on has white space in odd places.
export function setSpaced(yes) {
  spaced = yes;
}

export const space = () => (spaced ? pick(SPACES) : "");

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

export function write(value) {
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

export function number() {
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
export function textOf(length) {
  const unit = pick(UNITS);
  const measure = chance(0.5) ? [...unit].length : unit.length;
  let text = unit.repeat(Math.max(0, Math.floor(length / measure)));
  if (chance(0.3))
    text = pick(UNITS) + text.slice(pick([0, unit.length]));
  return text;
}

const WORDS = ["hi", "q", "user", "text", "json_schema", "true", "1", " ",
               "\u{1f600}", "\u{1d11e}x", "constructor"];

export function string() {
  const kind = random();
  if (kind < 0.55)
    return pick(WORDS);
  if (kind < 0.6)
    return "";
  if (kind < 0.97)
    return textOf(between(1, 40));
  return textOf(pick([1999, 2000, 2001, 3999, 4000, 4000, 4001, 4002, 8000]));
}

export const NAMES = ["a", "b", "", "0", "7", "messages", "role", "content", "system",
               "model", "temperature", "maxOutputTokens", "responseFormat",
               "type", "schema", "strict", "name", "stream", "Messages",
               "content ", "__proto__", "constructor", "toString", "prototype",
               "hasOwnProperty", "length", "\u{1f600}", "a\"b\\", "a\n"];

export function anything(depth = 3) {
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

export function nested(depth) {
  let value = pick([null, 1, "x", [], new Members([])]);
  for (let i = 0; i < depth; i++)
    value = chance(0.5) ? [value] : new Members([["a", value]]);
  return value;
}
