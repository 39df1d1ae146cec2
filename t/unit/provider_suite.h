/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every provider must do, as tests over its tables: its transcripts
 * (t/data/<dir>/<name>.sse) however they are cut and whatever stands between
 * their events, single events, refusals, and calls that cannot be made.
 */
#ifndef PROVIDER_SUITE_H
#define PROVIDER_SUITE_H

#include "unit.h"

#include <apr_pools.h>

#include "chat_json.h"
#include "chat_provider.h"

#define PROVIDER_SUITE_KEY "sk-unit-0123456789abcdef"

/* What is to be seen of a stream. */
typedef struct provider_sight_t {
    int ended, failed;
    const char *error;
    int input, output;
} provider_sight_t;

/*
 * heard: what parse_event() makes of it, pieces of one kind joined, each kind
 * with its tag: "<text>Hello<reasoning>...<refusal>...<call 0 call_1 name>
 * <arguments 0>{}", and when the answer is over "<stop 9 3 0 -1>" (why; input,
 * output, cached and reasoning tokens) or "<failed server_error>".
 */
typedef struct provider_transcript_t {
    const char *name;
    int completions;
    provider_sight_t sight;
    const char *after; /* what follows the terminal event */
    const char *heard;
} provider_transcript_t;

/* A stream in one line, for shapes that need no file. */
typedef struct provider_shape_t {
    const char *about;
    int completions;
    const char *text;
    provider_sight_t sight;
} provider_shape_t;

/* ... for what is in it. */
typedef struct provider_hearing_t {
    int completions;
    const char *text;
    const char *heard;
} provider_hearing_t;

/* An answer that is no stream. */
typedef struct provider_whole_t {
    int completions;
    const char *body;
    provider_sight_t sight;
} provider_whole_t;

/* What of a stream counts as the answer. */
typedef struct provider_measure_t {
    int completions;
    const char *text;
    int deltas, bytes;
} provider_measure_t;

typedef struct provider_refusal_t {
    int status;
    const char *body;
    int mapped;
    const char *code;
    const char *retry_after;
} provider_refusal_t;

/* The message of a 400 with that body. */
typedef struct provider_sentence_t {
    const char *body;
    const char *message;
} provider_sentence_t;

typedef struct provider_suite_t {
    const chat_provider_t *provider;
    const char *dir;  /* of its transcripts in t/data */
    const char *url;  /* a base */
    int apis;         /* 1, or 2 with .completions */
    const char *leak; /* an error whose code is "bad-plainkey" */
    const char
        *cut_error; /* the code that its own make_cut_event() is seen with */
    const provider_transcript_t *transcripts;
    int ntranscripts;
    const provider_shape_t *shapes;
    int nshapes;
    const provider_hearing_t *hearings;
    int nhearings;
    const provider_whole_t *wholes;
    int nwholes;
    const provider_measure_t *measures;
    int nmeasures;
    const provider_refusal_t *refusals;
    int nrefusals;
    const provider_sentence_t *sentences;
    int nsentences;
} provider_suite_t;

#define PROVIDER_PLAIN "The provider refused the request."

#define CHAT_PROVIDER(id, name, caps)                                          \
    extern const chat_provider_t chat_provider_##id;
#include "chat_provider_list.h"
#undef CHAT_PROVIDER

/* Made anew for every test. */
extern apr_pool_t *provider_suite_pool;

void provider_suite_set_up(void);
void provider_suite_tear_down(void);

/* What provider_suite_add() was given. */
extern const provider_suite_t *provider_suite_spec;

/* Of provider_suite_add(), those of streams. */
void provider_suite_add_streams(TCase *tc);

/* Adds the tests above to suite; spec is used until the suite has run. */
void provider_suite_add(Suite *suite, const provider_suite_t *of);

/* The same without the common cases: the helpers below are of that one. */
void provider_suite_use(const provider_suite_t *of);

/* A turn with one message of the user, "hi". */
chat_turn_t provider_suite_turn(void);

/* ... and one with everything; its schema is PROVIDER_SUITE_SCHEMA. */
chat_turn_t provider_suite_full_turn(void);

/* Upstream with the base URL and the key, without a time-out of 0. */
chat_upstream_t provider_suite_upstream(int completions);

/* A call that can be made. */
chat_call_t provider_suite_build(const chat_turn_t *turn,
                                 const chat_upstream_t *up);

/* One that cannot: the error. */
chat_err_t provider_suite_refusal(const chat_turn_t *turn,
                                  const chat_upstream_t *up);

/* Header lines, each with a line end. */
const char *provider_suite_headers(const chat_call_t *call);

chat_json_t *provider_suite_json(const char *text);

chat_seen_t provider_suite_watch(int completions, const char *text);

/* What parse_event() makes of it, see provider_transcript_t. */
const char *provider_suite_hear(int completions, const char *text);

/* read_native() of that body at that path. */
apr_status_t provider_suite_adopt(chat_turn_t *turn, const char *body,
                                  const char *path, const chat_upstream_t *up,
                                  chat_err_t *err);

/* {"role","content"} of the four messages of the full turn. */
#define PROVIDER_SUITE_DIALOGUE                                                \
    "{\"role\":\"system\",\"content\":\"Be kind.\"},"                          \
    "{\"role\":\"user\",\"content\":\"2+2?\"},"                                \
    "{\"role\":\"assistant\",\"content\":\"\"},"                               \
    "{\"role\":\"user\",\"content\":" PROVIDER_SUITE_LAST "}"

#define PROVIDER_SUITE_LAST "\"\\\"Gr\xc3\xbc\xc3\x9f\\\"\\n</script>\""

#define PROVIDER_SUITE_SCHEMA                                                  \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\","         \
    "\"minimum\":1.50}}}"

#endif
