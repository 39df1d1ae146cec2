/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The taps, in the order in which they are called: CHAT_TAP(name). Each is one
 * chat_tap_t, chat_run_<name>, in chat_run_<name>.c. No include guard, on
 * purpose.
 *
 * budget stands first: what an answer cost is settled before anything else may
 * fail. abuse takes out of a question what nobody sees, so that moderation has
 * the rest. moderation and hook stand before all that keep what is said: they
 * have it as it goes on; lists are looked at before a service is asked. record
 * is almost the last, so that it tells what the others made of it; trace,
 * behind it, how long that took.
 * persist, or tables, has begun a turn before resume opens the log of its
 * stream, and has saved the answer before that log says that it is over. usage
 * stands behind persist, which has taken along what it can.
 */
CHAT_TAP(budget)
CHAT_TAP(abuse)
CHAT_TAP(moderation)
CHAT_TAP(hook)
CHAT_TAP(session)
CHAT_TAP(persist)
CHAT_TAP(tables)
CHAT_TAP(usage)
CHAT_TAP(resume)
CHAT_TAP(record)
CHAT_TAP(trace)
