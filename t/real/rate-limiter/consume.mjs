// SPDX-License-Identifier: Apache-2.0
// Consumes points as an application does: node consume.mjs PORT PREFIX KEY
// POINTS SECONDS TIMES. Prints one JSON line: [[allowed, consumed], ...].
import Redis from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';

const [port, keyPrefix, key, points, duration, times] = process.argv.slice(2);
const storeClient = new Redis({ port: Number(port), host: '127.0.0.1' });
const limiter = new RateLimiterRedis({
  storeClient, keyPrefix, points: Number(points), duration: Number(duration),
});
const out = [];
for (let i = 0; i < Number(times); i++) {
  try {
    const res = await limiter.consume(key, 1);
    out.push([true, res.consumedPoints]);
  } catch (res) {
    if (res instanceof Error) throw res;
    out.push([false, res.consumedPoints]);
  }
}
console.log(JSON.stringify(out));
storeClient.disconnect();
