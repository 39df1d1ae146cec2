/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts that Redis runs, in Lua: each is one step, atomic for all
 * clients. They use commands of Redis 5 and later, are given every key as a
 * key, and have the server's TIME as their only clock.
 *
 * A window's counter is a decimal string with a TTL, as rate-limiter-flexible
 * has it. Beside a counter of tokens stands a sorted set of leases,
 * "lease@end:amount" by the time they expire, where end is that of the window
 * in tenths of a second, 0 without one. A counter of open streams is a set of
 * leases and nothing else. A set expires with the last of its leases.
 *
 * An application that shares a key may have begun the next window, or set
 * another one: what was leased in the last is not taken off it.
 *
 * A lease of tokens that has expired is given back and leaves "lease@end:0"
 * until its window ends. So the script that settles finds one of the two, or
 * nothing: then the lease was settled before, or Redis has lost it, and nothing
 * is charged. It may therefore be sent any number of times, and arrive in any
 * order.
 *
 * For a request that is refused when Redis does not answer in time, counters of
 * requests have leases, too: for a minute "lease@end:1" in a set beside the
 * counter. Redis may have counted the request late, and has to give it back.
 *
 * Nothing is charged before every counter has been read, so that a key that is
 * no counter (one of an application, of the same name) leaves the others
 * unchanged. A key outside our own name space, as with compat=, is counted in
 * and nothing else: no expiry is set on it.
 */
#include "chat_limit_redis_int.h"

#include <apr_sha1.h>
#include <apr_strings.h>

/* The end of a window in the name of a lease; and whether a window that ends in
 * ttl ms is that one: two of one counter end a second apart at least. */
#define WINDOW_TEXT                                                            \
    "local function tenths(ms)\n"                                              \
    "  return string.format('%.0f', ms / 100)\n"                               \
    "end\n"                                                                    \
    "local function is_window(ends, now, ttl, endless)\n"                      \
    "  if endless or ends == 0 then return endless and ends == 0 end\n"        \
    "  return math.abs(now + ttl - ends) <= 500\n"                             \
    "end\n"

/*
 * KEYS  per count: its key; for tokens, and requests with a lease, its leases
 *       too.
 * ARGV  lease, milliseconds it lasts (0: nothing is leased); per count: unit
 * (r, t, s; c: requests with a lease; b: blocks, of which none is charged),
 * points, seconds of the window, amount,
 * shadow (0, 1). Returns 1 or 0 (charged or not), then per count: used, ms
 * until a retry can succeed at the latest, ms when the window ends (0: never),
 * refused (0, 1).
 */
static const char reserve_text[] = WINDOW_TEXT
    "local lease, lasts, now = ARGV[1], tonumber(ARGV[2]), 0\n"
    "local counts, out, k, no = {}, {1}, 1, false\n"
    "local function last(key, ms)\n"
    "  if redis.call('PTTL', key) < ms then\n"
    "    redis.call('PEXPIRE', key, ms)\n"
    "  end\n"
    "end\n"
    "local function expire(c)\n"
    "  local late = redis.call('ZRANGEBYSCORE', c.leases, '-inf', now)\n"
    "  for _, m in ipairs(late) do\n"
    "    redis.call('ZREM', c.leases, m)\n"
    "    local name, ends, amount = string.match(m, '^(.*@(%d+)):(%d+)$')\n"
    "    if c.unit == 't' and name and amount ~= '0' and\n"
    "       is_window(ends * 100, now, c.ttl, c.endless) then\n"
    "      redis.call('DECRBY', c.key, amount)\n"
    "      redis.call('ZADD', c.leases, now + c.ttl, name .. ':0')\n"
    "      last(c.leases, c.ttl)\n"
    "    end\n"
    "  end\n"
    "end\n"
    /* Until enough is given back, if that is before the window ends. Leases
       beyond the first hundred are not looked at. */
    "local function wait(c)\n"
    "  local need = c.used + c.amount - c.points\n"
    "  local set, from, to = c.leases, 0, 99\n"
    "  if c.unit == 's' then\n"
    "    set, from = c.key, math.max(need, 1) - 1\n"
    "    to, need = from, 1\n"
    "  end\n"
    "  local m = redis.call('ZRANGE', set, from, to, 'WITHSCORES')\n"
    "  for i = 1, #m, 2 do\n"
    "    local ends, amount = string.match(m[i], '@(%d+):(%d+)$')\n"
    "    if c.unit == 's' then\n"
    "      need = need - 1\n"
    "    elseif ends and is_window(ends * 100, now, c.ttl, c.endless) then\n"
    "      need = need - amount\n"
    "    end\n"
    "    if need <= 0 then return math.min(c.ttl, m[i + 1] - now) end\n"
    "  end\n"
    "  return c.ttl\n"
    "end\n"
    "if ARGV[2] ~= '0' then\n"
    "  local time = redis.call('TIME')\n"
    "  now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "end\n"
    "for a = 3, #ARGV, 5 do\n"
    "  local c = {unit = ARGV[a], points = tonumber(ARGV[a + 1]),\n"
    "             window = ARGV[a + 2], amount = ARGV[a + 3],\n"
    "             shadow = ARGV[a + 4] == '1', key = KEYS[k]}\n"
    "  k = k + 1\n"
    "  if c.unit == 't' or c.unit == 'c' then\n"
    "    c.leases = KEYS[k]\n"
    "    k = k + 1\n"
    "  end\n"
    "  if c.unit == 's' then\n"
    "    redis.call('ZREMRANGEBYSCORE', c.key, '-inf', now)\n"
    "    c.used, c.ttl = redis.call('ZCARD', c.key), lasts\n"
    "  else\n"
    "    local value = redis.call('GET', c.key)\n"
    "    if value and (#value > 18 or value ~= '0' and\n"
    "                  not string.match(value, '^%-?[1-9]%d*$')) then\n"
    "      return redis.error_reply('WRONGTYPE a counter is no number')\n"
    "    end\n"
    "    c.old = value and true\n"
    "    c.ttl = value and redis.call('PTTL', c.key) or c.window * 1000\n"
    "    if c.ttl < 0 then\n"
    "      if string.sub(c.key, 1, 7) == '{chat}:' then\n"
    "        redis.call('EXPIRE', c.key, c.window)\n"
    "      else\n"
    "        c.endless = true\n"
    "      end\n"
    "      c.ttl = c.window * 1000\n"
    "    end\n"
    "    if not value then\n"
    "      if c.leases then redis.call('DEL', c.leases) end\n"
    "    elseif c.leases then\n"
    "      expire(c)\n"
    "      value = redis.call('GET', c.key)\n"
    "    end\n"
    "    c.used = tonumber(value or '0')\n"
    "  end\n"
    "  c.over = c.used + c.amount > c.points\n"
    "  if c.unit == 's' or c.unit == 't' and c.over then\n"
    "    c.wait = wait(c)\n"
    "  end\n"
    "  no = no or (c.over and not c.shadow)\n"
    "  counts[#counts + 1] = c\n"
    "end\n"
    "if no then out[1] = 0 end\n"
    "for _, c in ipairs(counts) do\n"
    "  if not no and c.unit == 's' then\n"
    "    redis.call('ZADD', c.key, now + lasts, lease)\n"
    "    last(c.key, lasts)\n"
    "    c.used = c.used + 1\n"
    "  elseif not no and c.unit ~= 'b' then\n"
    "    if c.old or not redis.call('SET', c.key, c.amount, 'EX', c.window,\n"
    "                               'NX') then\n"
    "      redis.call('INCRBY', c.key, c.amount)\n"
    "    end\n"
    "    c.used = c.used + c.amount\n"
    "    if c.leases then\n"
    "      local ms = c.unit == 'c' and 60000 or lasts\n"
    "      redis.call('ZADD', c.leases, now + ms, lease .. '@' ..\n"
    "                 tenths(c.endless and 0 or now + c.ttl) .. ':' ..\n"
    "                 c.amount)\n"
    "      last(c.leases, c.unit == 'c' and ms or c.ttl + ms)\n"
    "    end\n"
    "  end\n"
    "  out[#out + 1] = c.used\n"
    "  out[#out + 1] = c.wait or c.ttl\n"
    "  out[#out + 1] = c.endless and 0 or now + c.ttl\n"
    "  out[#out + 1] = c.over and 1 or 0\n"
    "end\n"
    "return out\n";

/*
 * KEYS  per count: its key; for tokens, and requests with a lease, its leases
 *       too.
 * ARGV  lease; per count: unit (t, s, c), amount reserved, ms when the window
 *       ends that it was charged to (0: never; -1: unknown, because Redis did
 *       not reply whether it was charged), what was used (-1: unknown).
 * Returns how many leases were there.
 */
static const char settle_text[] = WINDOW_TEXT
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local lease, k, found = ARGV[1], 1, 0\n"
    "for a = 2, #ARGV, 4 do\n"
    "  local key, amount, ends = KEYS[k], ARGV[a + 1], tonumber(ARGV[a + 2])\n"
    "  local used = tonumber(ARGV[a + 3])\n"
    "  k = k + 1\n"
    "  if ARGV[a] == 's' then\n"
    "    found = found + redis.call('ZREM', key, lease)\n"
    "  else\n"
    "    local ttl, had, was = redis.call('PTTL', key), 0, 0\n"
    "    local from, to = ends, ends\n"
    /* Not known: only a lease of the window that is now counts. */
    "    if ends < 0 then\n"
    "      from, to = now + ttl - 500, now + ttl + 500\n"
    "      if ttl == -1 then from, to = 0, 0 end\n"
    "    end\n"
    "    for at = from, to, 100 do\n"
    "      local name = lease .. '@' .. tenths(at) .. ':'\n"
    "      had = had + redis.call('ZREM', KEYS[k], name .. amount)\n"
    "      was = was + redis.call('ZREM', KEYS[k], name .. '0')\n"
    "    end\n"
    "    k = k + 1\n"
    "    local same = ttl ~= -2 and\n"
    "                 (ends < 0 or is_window(ends, now, ttl, ttl == -1))\n"
    "    if same and used >= 0 and had + was > 0 then\n"
    "      local delta = used - (had == 1 and amount or 0)\n"
    "      redis.call('INCRBY', key, string.format('%.0f', delta))\n"
    "    end\n"
    "    found = found + had + was\n"
    "  end\n"
    "end\n"
    "return found\n";

/*
 * KEYS  per count: its key.
 * ARGV  per count: "s" for open streams, else "w".
 * Returns per count what is used and the ms that the window still has.
 */
static const char look_text[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local out = {}\n"
    "for k, key in ipairs(KEYS) do\n"
    "  if ARGV[k] == 's' then\n"
    "    out[#out + 1] = redis.call('ZCOUNT', key, '(' .. now, '+inf')\n"
    "    out[#out + 1] = 0\n"
    "  else\n"
    "    out[#out + 1] = tonumber(redis.call('GET', key) or '0') or 0\n"
    "    out[#out + 1] = math.max(redis.call('PTTL', key), 0)\n"
    "  end\n"
    "end\n"
    "return out\n";

/*
 * KEYS  per count: its key.
 * ARGV  per count: points, seconds of the window, seconds of the ban.
 * The block that fills a counter makes it last as long as the ban. Returns per
 * count how many there are.
 */
static const char mark_text[] =
    "local out = {}\n"
    "for k, key in ipairs(KEYS) do\n"
    "  redis.call('SET', key, 0, 'EX', ARGV[3 * k - 1], 'NX')\n"
    "  out[k] = redis.call('INCR', key)\n"
    "  if out[k] == tonumber(ARGV[3 * k - 2]) then\n"
    "    redis.call('EXPIRE', key, ARGV[3 * k])\n"
    "  end\n"
    "end\n"
    "return out\n";

chat_limit_redis_script_t chat_limit_redis_script_reserve = {.text =
                                                                 reserve_text};
chat_limit_redis_script_t chat_limit_redis_script_settle = {.text =
                                                                settle_text};
chat_limit_redis_script_t chat_limit_redis_script_look = {.text = look_text};
chat_limit_redis_script_t chat_limit_redis_script_mark = {.text = mark_text};

static void name_script(chat_limit_redis_script_t *script)
{
    unsigned char sum[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha1;
    int i;

    apr_sha1_init(&sha1);
    apr_sha1_update(&sha1, script->text, strlen(script->text));
    apr_sha1_final(sum, &sha1);
    for (i = 0; i < APR_SHA1_DIGESTSIZE; i++)
        apr_snprintf(script->sha1 + 2 * i, 3, "%02x", sum[i]);
}

void chat_limit_redis_script_init(void)
{
    name_script(&chat_limit_redis_script_reserve);
    name_script(&chat_limit_redis_script_settle);
    name_script(&chat_limit_redis_script_look);
    name_script(&chat_limit_redis_script_mark);
}
