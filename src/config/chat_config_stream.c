/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How answers stream: ChatStreamMax and the others of that beginning. Config
 * time; for .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

static const chat_dir_stream_t dir_unset = {
    .heartbeat = CHAT_UNSET,
    .early_headers = CHAT_UNSET,
    .stall = CHAT_UNSET,
};

static const chat_dir_stream_t dir_defaults = {
    .heartbeat = 0,
    .early_headers = 0,
    .stall = 60 * APR_USEC_PER_SEC,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_stream_t *base = basev, *add = addv;
    chat_dir_stream_t *m = mv;

    m->heartbeat = chat_config_pick(base->heartbeat, add->heartbeat);
    m->early_headers =
        chat_config_pick(base->early_headers, add->early_headers);
    m->stall = chat_config_pick(base->stall, add->stall);
}

static const chat_server_stream_t server_unset = {
    .max = CHAT_UNSET,
    .engines = CHAT_UNSET,
};

static const chat_server_stream_t server_defaults = {
    .max = 0,
    .engines = 1,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_stream_t *base = basev, *add = addv;
    chat_server_stream_t *m = mv;

    m->max = chat_config_pick(base->max, add->max);
    m->engines = chat_config_pick(base->engines, add->engines);
}

#define MAIN_INT(member, low, high)                                            \
    CHAT_CONFIG_IN_MAIN(stream.member, .set = chat_config_value_int,           \
                        .min = low, .max = high)
#define TIME(member, ...)                                                      \
    CHAT_CONFIG_IN_DIR(stream.member, .set = chat_config_value_time,           \
                       .min = 100 * 1000, .max = 3600 * APR_USEC_PER_SEC,      \
                       __VA_ARGS__)

const chat_config_feature_t chat_config_stream_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatStreamMax", chat_config_set,
                          MAIN_INT(max, 0, 1000000), CHAT_OR_SERVER,
                          "open streams per child process, 0 for what files "
                          "allow"),
            AP_INIT_TAKE1("ChatStreamEngines", chat_config_set,
                          MAIN_INT(engines, 1, 64), CHAT_OR_SERVER,
                          "engine threads per child process"),
            AP_INIT_TAKE1("ChatStreamHeartbeat", chat_config_set,
                          TIME(heartbeat, .off = 1), CHAT_OR_FILEINFO,
                          "a comment after so much silence, or off"),
            AP_INIT_TAKE1("ChatStreamEarlyHeaders", chat_config_set,
                          CHAT_CONFIG_IN_DIR(stream.early_headers,
                                             .set = chat_config_value_flag),
                          CHAT_OR_FILEINFO,
                          "on or off: answer before the upstream does"),
            AP_INIT_TAKE1("ChatStreamStallTimeout", chat_config_set,
                          TIME(stall, .off = 0), CHAT_OR_FILEINFO,
                          "how long a client may take nothing"),
        },
    .dir = CHAT_CONFIG_DIR(stream),
    .server = CHAT_CONFIG_SERVER(stream),
};
