// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests by chance: right ones, and right ones that were damaged in
// their shape or in their text. For diff.mjs.
import { MAX_BYTES } from "./schemas.mjs";
import {
  anything, below, between, chance, Members, NAMES, nested, number, pick,
  random, Raw, setSpaced, space, string, textOf, write,
} from "./parts.mjs";

// ---- bodies ----

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

function chat() {
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

const membersOf = (list) => Array.isArray(list)
  ? list.filter((v) => v instanceof Members).slice(0, 3) : [];

// What tools bring: calls, tools, a choice.
function deeper(body) {
  const messages = membersOf(has(body, "messages")?.[1]);
  const choice = has(body, "toolChoice")?.[1];
  return [
    ...messages.flatMap((m) => membersOf(has(m, "toolCalls")?.[1])),
    ...membersOf(has(body, "tools")?.[1]),
    ...(choice instanceof Members ? [choice] : []),
  ];
}

// Some Members of the tree: the body, a message, the format.
function place(body) {
  const list = has(body, "messages")?.[1];
  const format = has(body, "responseFormat")?.[1];
  const places = [body];
  if (Array.isArray(list))
    places.push(...membersOf(list));
  if (format instanceof Members)
    places.push(format, format);
  places.push(...deeper(body));
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

// ---- bodies with tools ----

const IDS = ["a", "b", "call_1", "\u{1f600}", "x".repeat(256)];
const BAD_IDS = ["", "x".repeat(257), "\u{1f600}".repeat(256)];
const TOOLS = ["f", "g", "get_weather", "A-z_09", "n".repeat(64)];
const BAD_TOOLS = ["", "n".repeat(65), "a b", "f\n", "\u00e9", "f.g"];

const id = () => pick(chance(0.95) ? IDS : BAD_IDS);
const toolName = () => pick(chance(0.95) ? TOOLS : BAD_TOOLS);

function toolCall() {
  return new Members([["id", id()], ["name", toolName()],
                      ["arguments", chance(0.7) ? "{\"a\":1}" : string()]]);
}

function calling() {
  const pairs = [["role", "assistant"]];
  if (chance(0.6))
    pairs.push(["content", string()]);
  const n = chance(0.97) ? between(1, 3) : pick([0, 127, 128, 129]);
  pairs.push(["toolCalls", Array.from({ length: n }, toolCall)]);
  return new Members(pairs);
}

function answer(callId = id()) {
  return new Members([["role", "tool"], ["content", string()],
                      ["toolCallId", callId]]);
}

// An answer to a call that was made, mostly.
function exchange() {
  const call = calling();
  const calls = has(call, "toolCalls")[1];
  return [call, ...calls.slice(0, 3).map((c) =>
    chance(0.9) ? answer(has(c, "id")[1]) : answer())];
}

function tool(name = toolName()) {
  const pairs = [["name", name]];
  if (chance(0.5))
    pairs.push(["description", string()]);
  if (chance(0.6))
    pairs.push(["parameters", schema()]);
  return new Members(pairs);
}

function toolList() {
  const kind = random();
  if (kind < 0.8)
    return TOOLS.slice(0, between(0, 4)).map((name) => tool(name));
  if (kind < 0.97)
    return Array.from({ length: between(1, 4) }, () => tool());
  return Array.from({ length: pick([127, 128, 129]) }, (_, i) =>
    tool(`t${i}`));
}

const toolChoice = () => chance(0.5)
  ? pick(["auto", "none", "required", "any"])
  : new Members([["name", toolName()]]);

function tools() {
  const body = chat();
  const list = has(body, "messages")[1];
  if (chance(0.7) && list.length < 20)
    list.splice(below(list.length + 1), 0, ...exchange());
  if (chance(0.2))
    set(body, "responseFormat", "json");
  if (chance(0.7))
    set(body, "tools", toolList());
  if (chance(0.4))
    set(body, "toolChoice", toolChoice());
  return body;
}

const TOOL_DAMAGE = [
  ...DAMAGE,
  (body) => { set(body, "tools", withLength()); },
  (body) => { set(body, pick(["tools", "toolChoice"]), anything()); },
  (body) => { set(body, "tools", [tool(), anything(), tool()]); },
  (body) => { set(body, "tools", [tool("f"), tool("f"), tool("g")]); },
  (body) => { set(body, "toolChoice", toolChoice()); },
  (body) => { set(body, "messages", [answer(), message()]); },
  (body) => {
    const odd = calling();
    set(odd, pick(["toolCalls", "content", "role"]),
        chance(0.5) ? anything() : withLength());
    set(body, "messages", [odd, answer()]);
  },
  (body) => {
    const odd = answer();
    set(odd, pick(["toolCallId", "content"]),
        chance(0.5) ? anything() : withLength());
    set(body, "messages", [calling(), odd]);
  },
  (body) => { // calls of another, an answer of none
    set(body, "messages", [
      new Members([["role", pick(["user", "tool", "system"])],
                   ["content", string()], ["toolCalls", anything()],
                   ["toolCallId", anything()]])]);
  },
  (body) => { // the sum around its maximum, with the arguments
    const call = toolCall();
    set(call, "arguments", textOf(4000));
    set(body, "messages", Array.from({ length: pick([9, 10, 11]) }, () =>
      new Members([["role", "assistant"], ["toolCalls", [call]]])));
  },
];

// ---- bodies of one message ----

const BLANKS = [" ", "\t\r\n", "\u00a0", "\u1680", "\u2003", "\u200a",
                "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
                "\u000b\u000c", "\u200b", "\u0085", "\u180e", "\u2060"];
const CONTROLS = ["\u0001", "\b", "\u001b", "\u001f", "\u007f", "\u0080",
                  "\u0085", "\u009f", "\u00a0", "\u00ad"];

const session = () => pick(["s", "a.B_c-9", "x".repeat(128), "x".repeat(129),
                            "", "a b", "\u00e9", "a/b", "a\n"]);

function alone() {
  const pairs = [["message", string()]];
  if (chance(0.5))
    pairs.push(["model_id", chance(0.7) ? string() : null]);
  if (chance(0.5))
    pairs.push(["session_id", chance(0.8) ? session() : null]);
  return new Members(pairs);
}

const MEMBERS = ["message", "model_id", "session_id"];

const ALONE_DAMAGE = [
  ...DAMAGE.filter((damage) => /place\(|"x"/.test(damage)),
  (body) => { set(body, pick(MEMBERS), anything()); },
  (body) => { set(body, "message", withLength()); },
  (body) => {
    set(body, "message", Array.from({ length: between(1, 4) }, () =>
      pick(BLANKS)).join(""));
  },
  (body) => { set(body, "message", pick(BLANKS).repeat(4001)); },
  (body) => { set(body, "message", string() + pick(CONTROLS) + string()); },
  (body) => { set(body, "session_id", session()); },
  (body) => {
    if (chance(0.3))
      set(body, pick(["tools", "tool_choice", "toolChoice", "functions",
                      "response_format", "responseFormat"]), anything());
  },
];

const KINDS = {
  chat: { valid: chat, damage: DAMAGE },
  tools: { valid: tools, damage: TOOL_DAMAGE },
  message: { valid: alone, damage: ALONE_DAMAGE },
};

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

export function body(kind) {
  setSpaced(chance(0.2));
  if (chance(0.01))
    return Buffer.from(write(anything()));
  const { valid, damage } = KINDS[kind];
  const tree = valid();
  const rounds = chance(0.15) ? 0 : between(1, 4);
  for (let i = 0; i < rounds; i++)
    pick(damage)(tree);
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
