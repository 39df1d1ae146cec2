// SPDX-License-Identifier: Apache-2.0
//
// Leaves HTTP/2 streams: h2_abort.mjs '{url, ca, body, count, events, ms, ...}'.
// count times a chat is posted ({i} in body is its number) and left after so
// many events, or after ms when that is 0. They are streams of one connection
// that are reset; with cut each has a connection of its own, which is closed.
// With other one more stream, number 0, runs on beside them. Prints JSON as
// sse_load does: aborts, and "other", what stream 0 got.
import http2 from "node:http2";
import fs from "node:fs";

const o = JSON.parse(process.argv[2]);
const { origin, pathname } = new URL(o.url);
const ca = fs.readFileSync(o.ca);

function connect() {
  const session = http2.connect(origin, { ca });
  session.on("error", (error) => {
    console.error(`h2_abort: ${error.message}`);
    process.exit(1);
  });
  return session;
}

function post(session, number) {
  const stream = session.request({
    ":method": "POST",
    ":path": pathname,
    "content-type": "application/json",
  });
  stream.end(o.body.replace("{i}", number));
  stream.setEncoding("utf8");
  return stream;
}

// Resolves when stream number i has been left.
function leave(session, i) {
  return new Promise((resolve, reject) => {
    const stream = post(session, i);
    let text = "";
    let left = false;
    const go = () => {
      if (left) return;
      left = true;
      resolve({ seed: i, ns: Number(process.hrtime.bigint()) });
      if (o.cut) session.destroy();
      else stream.close(http2.constants.NGHTTP2_CANCEL);
    };
    stream.on("data", (data) => {
      text += data;
      if (o.events && text.split("\n\n").length > o.events) go();
    });
    stream.on("error", reject);
    stream.on("close", () => left || reject(new Error(`stream ${i} ended: ${text}`)));
    // Not before there is a connection, which may take its time.
    const later = () => setTimeout(go, o.ms);
    if (!o.events && stream.pending) stream.on("ready", later);
    else if (!o.events) later();
  });
}

function follow(stream) {
  const got = { status: 0, body: "", ended: false };
  stream.on("response", (headers) => (got.status = headers[":status"]));
  stream.on("data", (data) => (got.body += data));
  stream.on("end", () => (got.ended = true));
  stream.on("error", () => {});
  return new Promise((resolve) => stream.on("close", () => resolve(got)));
}

const session = o.cut ? null : connect();
const running = o.other && follow(post(session, 0));
const aborts = [];
for (let i = 1; i <= o.count; i++) aborts.push(await leave(session ?? connect(), i));
const other = await running;
session?.close();
console.log(JSON.stringify({ aborts, other }));
