/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of users: where they are kept, of which types and sizes, how many, and
 * how long: ChatUploads, ChatUploadsKey, ChatUploadsTypes, ChatUploadsLimit,
 * ChatUploadsTime. Config time.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define MIB ((apr_int64_t)1024 * 1024)
#define SECONDS(n) ((apr_int64_t)(n)*APR_USEC_PER_SEC)
#define DAY SECONDS(24 * 3600)

/* ---- members ---- */

/* What models read, and no browser runs. Text is put into the prompt. */
static const chat_upload_type_t usual[] = {
    {"image/png", 20 * MIB},       {"image/jpeg", 20 * MIB},
    {"image/gif", 20 * MIB},       {"image/webp", 20 * MIB},
    {"application/pdf", 32 * MIB}, {"text/plain", MIB / 4},
    {"text/markdown", MIB / 4},    {"text/csv", MIB / 4},
};

static const chat_dir_upload_t dir_unset = {
    .types = NULL,
    .files = CHAT_UNSET,
    .bytes = CHAT_UNSET,
    .inline_bytes = CHAT_UNSET,
    .memory = CHAT_UNSET,
    .pixels = CHAT_UNSET,
};

static const chat_dir_upload_t dir_defaults = {
    .types = (apr_array_header_t *)&(
        const apr_array_header_t){.elt_size = sizeof(*usual),
                                  .nelts = sizeof(usual) / sizeof(*usual),
                                  .nalloc = sizeof(usual) / sizeof(*usual),
                                  .elts = (char *)usual},
    .files = 100,
    .bytes = 500 * MIB,
    .inline_bytes = 20 * MIB,
    .memory = 256 * MIB,
    .pixels = 8000,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_upload_t *base = basev, *add = addv;
    chat_dir_upload_t *m = mv;

    m->types = chat_config_pick_ptr(base->types, add->types);
    m->files = (int)chat_config_pick(base->files, add->files);
    m->bytes = chat_config_pick(base->bytes, add->bytes);
    m->inline_bytes = chat_config_pick(base->inline_bytes, add->inline_bytes);
    m->memory = chat_config_pick(base->memory, add->memory);
    m->pixels = (int)chat_config_pick(base->pixels, add->pixels);
}

static const chat_server_upload_t server_unset = {
    .store = NULL,
    .key = NULL,
    .location = NULL,
    .put = CHAT_UNSET,
    .get = CHAT_UNSET,
    .read = CHAT_UNSET,
    .unused = CHAT_UNSET,
};

static const chat_server_upload_t server_defaults = {
    .store = NULL,
    .key = NULL,
    .location = NULL,
    .put = SECONDS(900),
    .get = SECONDS(300),
    .read = SECONDS(3600),
    .unused = DAY,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_upload_t *base = basev, *add = addv;
    chat_server_upload_t *m = mv;

    m->store = chat_config_pick_ptr(base->store, add->store);
    m->key = chat_config_pick_ptr(base->key, add->key);
    m->location = chat_config_pick_ptr(base->location, add->location);
    m->put = chat_config_pick(base->put, add->put);
    m->get = chat_config_pick(base->get, add->get);
    m->read = chat_config_pick(base->read, add->read);
    m->unused = chat_config_pick(base->unused, add->unused);
}

/* ---- ChatUploads ---- */

#define IN_DIR "dir:"
#define IN_BUCKET "s3://"
#define KINDS "off, dir:/DIRECTORY or s3://BUCKET[/PREFIX]"
#define EXAMPLE "https://s3.example.com"

/* As it is written. */
typedef struct draft_t {
    const char *endpoint, *public_url, *region;
    int style, reach;
} draft_t;

enum { STYLE_PATH, STYLE_VIRTUAL };

static const char *const styles[] = {
    [STYLE_PATH] = "path",
    [STYLE_VIRTUAL] = "virtual",
    NULL,
};

static const char *parse_text(const char **pout, const char *what,
                              const char *value, apr_pool_t *p)
{
    *pout = value;
    return NULL;
}

/* It stands in what is signed, between slashes. */
static const char *parse_region(const char **pout, const char *what,
                                const char *value, apr_pool_t *p)
{
    const char *c;

    for (c = value; apr_isalnum(*c) || *c == '-'; c++)
        ;
    *pout = value;
    return *value && !*c ? NULL
                         : chat_config_refuse(what, value,
                                              "letters, digits and \"-\"", p);
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, draft_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("endpoint", endpoint, .set = chat_config_value_string,
           .parse = parse_text),
    OPTION("public", public_url, .set = chat_config_value_string,
           .parse = parse_text),
    OPTION("region", region, .set = chat_config_value_string,
           .parse = parse_region),
    OPTION("style", style, .set = chat_config_value_name, .names = styles),
    OPTION("reach", reach, .set = chat_config_value_flag),
    {NULL}};

/* Without the scheme's own port: that is not sent, and what is signed must be
 * what is sent. */
static const char *parse_endpoint(chat_config_url_t *url, const char *what,
                                  const char *value, apr_pool_t *p)
{
    const char *why = chat_config_parse_url(url, what, value, EXAMPLE, p);
    const char *usual_port;

    if (why)
        return why;
    if (*url->path && strcmp(url->path, "/") != 0)
        return chat_config_refuse(what, value, "a URL without a path", p);
    usual_port = url->tls ? ":443" : ":80";
    if (url->port == (url->tls ? 443 : 80) && strlen(url->base) > 4 &&
        ap_cstr_casecmp(url->base + strlen(url->base) - strlen(usual_port),
                        usual_port) == 0)
        url->base = apr_pstrmemdup(p, url->base,
                                   strlen(url->base) - strlen(usual_port));
    return NULL;
}

/* scheme://BUCKET.host */
static const char *with_bucket(const char *base, const char *bucket,
                               apr_pool_t *p)
{
    const char *host = strstr(base, "://") + 3;

    return apr_pstrcat(p, apr_pstrmemdup(p, base, host - base), bucket, ".",
                       host, NULL);
}

/* As stores have it: no name of a bucket has anything but these. */
static int is_bucket(const char *name)
{
    apr_size_t len = strlen(name);

    return len >= 3 && len <= 63 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
           apr_isalnum(name[0]) && apr_isalnum(name[len - 1]) &&
           !strstr(name, "..");
}

/* Names between single slashes, none of which leads elsewhere. */
static int is_prefix(const char *prefix)
{
    apr_size_t len;

    for (; *prefix; prefix += prefix[len] ? len + 1 : len) {
        len = strcspn(prefix, "/");
        if (!len ||
            strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "abcdefghijklmnopqrstuvwxyz0123456789._-") < len)
            return 0;
        if (!strncmp(prefix, "..", len) && len <= 2)
            return 0;
    }
    return 1;
}

static const char *set_hosts(chat_upload_conf_t *store, draft_t *draft,
                             const char *bucket, cmd_parms *cmd)
{
    chat_config_url_t inside, outside;
    const char *why;

    if (!draft->endpoint && !draft->region)
        return "ChatUploads: s3:// wants region=NAME, or endpoint=URL where "
               "the "
               "store is not Amazon's";
    if (draft->style == CHAT_UNSET)
        draft->style =
            draft->endpoint || strchr(bucket, '.') ? STYLE_PATH : STYLE_VIRTUAL;
    store->region = draft->region ? draft->region : "us-east-1";
    if (!draft->endpoint)
        draft->endpoint = apr_pstrcat(cmd->pool, "https://s3.", store->region,
                                      ".amazonaws.com", NULL);
    why = parse_endpoint(&inside, "ChatUploads endpoint", draft->endpoint,
                         cmd->pool);
    if (why)
        return why;
    outside = inside;
    if (draft->public_url)
        why = parse_endpoint(&outside, "ChatUploads public", draft->public_url,
                             cmd->pool);
    if (why)
        return why;
    store->base = inside.base;
    store->host = inside.host;
    store->port = inside.port;
    store->public_url = outside.base;
    if (draft->style == STYLE_VIRTUAL) {
        store->base = with_bucket(inside.base, bucket, cmd->pool);
        store->host = apr_pstrcat(cmd->pool, bucket, ".", inside.host, NULL);
        store->public_url = with_bucket(outside.base, bucket, cmd->pool);
    }
    store->reach = draft->reach == CHAT_UNSET
                       ? outside.tls && !chat_config_url_is_local(outside.host)
                       : draft->reach;
    return NULL;
}

static const char *set_bucket(chat_upload_conf_t *store, draft_t *draft,
                              const char *name, cmd_parms *cmd)
{
    const char *slash = strchr(name, '/');
    const char *bucket =
        slash ? apr_pstrmemdup(cmd->pool, name, slash - name) : name;
    const char *prefix = slash ? slash + 1 : "", *why;
    apr_size_t len = strlen(prefix);

    if (!is_bucket(bucket) || !is_prefix(prefix))
        return chat_config_refuse("ChatUploads", name,
                                  "s3://BUCKET[/PREFIX], the bucket in lower "
                                  "case, the prefix of letters, digits and "
                                  "\"._-\" between single slashes",
                                  cmd->pool);
    why = set_hosts(store, draft, bucket, cmd);
    if (why)
        return why;
    store->path =
        apr_pstrcat(cmd->pool, "/", draft->style == STYLE_PATH ? bucket : "",
                    draft->style == STYLE_PATH ? "/" : "", prefix,
                    len && prefix[len - 1] != '/' ? "/" : "", NULL);
    chat_config_need(cmd, CHAT_NEED_STORE_KEY, name);
    return NULL;
}

static const char *set_directory(chat_upload_conf_t *store, draft_t *draft,
                                 const char *path, cmd_parms *cmd)
{
    chat_config_url_t site;
    apr_finfo_t info;
    const char *why = NULL;

    if (*path != '/' ||
        apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS ||
        info.filetype != APR_DIR)
        return chat_config_refuse(
            "ChatUploads", path,
            "dir: with the absolute path of a directory that is there, and "
            "belongs to the User of httpd",
            cmd->pool);
    if (draft->endpoint || draft->region || draft->style != CHAT_UNSET)
        return "ChatUploads: endpoint=, region= and style= belong to s3://";
    if (draft->public_url) {
        why = parse_endpoint(&site, "ChatUploads public", draft->public_url,
                             cmd->pool);
        if (!why)
            store->public_url = site.base;
    }
    if (!why && draft->reach == 1 && !draft->public_url)
        why = "ChatUploads: with dir: reach=on wants public=URL, where "
              "providers find this site";
    store->reach = draft->reach == 1;
    store->directory = path;
    return why;
}

static const char *set_store(cmd_parms *cmd, void *dir, int argc,
                             char *const argv[])
{
    chat_upload_conf_t *store = apr_pcalloc(cmd->pool, sizeof(*store));
    draft_t draft = {.style = CHAT_UNSET, .reach = CHAT_UNSET};
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    const char *what = argc ? argv[0] : "";
    unsigned seen = 0;

    if (!why)
        why = chat_config_options(&draft, options, &seen, cmd,
                                  argc ? argc - 1 : 0, argv + 1);
    if (why)
        return why;
    if (!strncmp(what, IN_DIR, strlen(IN_DIR))) {
        store->kind = CHAT_UPLOAD_DIR;
        why = set_directory(store, &draft, what + strlen(IN_DIR), cmd);
    }
    else if (!strncmp(what, IN_BUCKET, strlen(IN_BUCKET))) {
        store->kind = CHAT_UPLOAD_S3;
        why = set_bucket(store, &draft, what + strlen(IN_BUCKET), cmd);
    }
    else if (strcasecmp(what, "off") != 0)
        why = chat_config_refuse("ChatUploads", what, KINDS, cmd->pool);
    if (why)
        return why;
    chat_config_server_of(cmd)->upload.store = store;
    if (store->kind != CHAT_UPLOAD_OFF)
        chat_config_server_of(cmd)->store.used = 1;
    return NULL;
}

/* ---- ChatUploadsKey ---- */

static apr_status_t wipe(void *word)
{
    explicit_bzero(word, strlen(word));
    return APR_SUCCESS;
}

/* The next word of the text, which is moved on; NULL: there is none. It is
 * overwritten when the configuration is thrown away. */
static const char *next_word(const char **ptext, apr_size_t *plen,
                             apr_pool_t *p)
{
    const char *text = *ptext, *end = text + *plen;
    const char *from = text, *to;
    char *word;

    while (from < end && (unsigned char)*from <= ' ')
        from++;
    for (to = from; to < end && (unsigned char)*to > ' ';)
        to++;
    *ptext = to;
    *plen = (apr_size_t)(end - to);
    if (to == from)
        return NULL;
    word = apr_pstrmemdup(p, from, (apr_size_t)(to - from));
    apr_pool_cleanup_register(p, word, wipe, apr_pool_cleanup_null);
    return word;
}

/* "ID SECRET [TOKEN]", or each on a line of its own. */
static const char *keep_key(void *out, const char *text, apr_size_t len,
                            cmd_parms *cmd)
{
    chat_upload_key_t *key = out;

    key->id = next_word(&text, &len, cmd->pool);
    key->secret = next_word(&text, &len, cmd->pool);
    key->token = next_word(&text, &len, cmd->pool);
    return key->secret && !next_word(&text, &len, cmd->pool)
               ? NULL
               : "ChatUploadsKey: write the id and the secret of an access key "
                 "there, and the token of temporary ones, with blanks between "
                 "them or each on a line";
}

static const char *set_key(cmd_parms *cmd, void *dir, const char *spec)
{
    chat_upload_key_t *key = apr_pcalloc(cmd->pool, sizeof(*key));
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    if (!why)
        why = chat_config_secret_lines(cmd, spec, keep_key, key);
    if (!why)
        chat_config_server_of(cmd)->upload.key = key;
    return why;
}

/* ---- ChatUploadsTypes ---- */

/* They are documents of this site to a browser, and no model reads them. */
static int is_forbidden(const char *type)
{
    static const char *const types[] = {"text/html", "image/svg+xml",
                                        "application/xhtml+xml", "text/xml",
                                        "application/xml"};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(type, types[i]))
            return 1;
    return 0;
}

static int is_taken(const char *type)
{
    apr_size_t i;

    for (i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (!strcmp(type, usual[i].type))
            return 1;
    return !strncmp(type, "text/", 5) && !is_forbidden(type) &&
           !type[strcspn(type, " ;,*\"")];
}

static const char *add_type(apr_array_header_t *list, cmd_parms *cmd,
                            const char *text)
{
    const char *equals = strchr(text, '=');
    char *type = apr_pstrmemdup(
        cmd->pool, text, equals ? (apr_size_t)(equals - text) : strlen(text));
    chat_upload_type_t *row;
    apr_size_t i;

    ap_str_tolower(type);
    if (!is_taken(type))
        return chat_config_refuse(
            "ChatUploadsTypes", text,
            "image/png, image/jpeg, image/gif, image/webp, application/pdf or "
            "text/NAME (but for what browsers run), each with =BYTES or "
            "without",
            cmd->pool);
    row = apr_array_push(list);
    row->type = type;
    row->most = MIB / 4;
    for (i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (!strcmp(type, usual[i].type))
            row->most = usual[i].most;
    return equals ? chat_config_parse_bytes(
                        &row->most,
                        apr_pstrcat(cmd->pool, "ChatUploadsTypes ", type, NULL),
                        equals + 1, 1, 1024 * MIB, cmd->pool)
                  : NULL;
}

static const char *set_types(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_upload_t *upload = &((chat_dir_conf_t *)dirv)->upload;
    const char *why = chat_config_check_args(cmd, argc);
    int i;

    upload->types = apr_array_make(cmd->pool, 8, sizeof(chat_upload_type_t));
    for (i = 0; !why && i < argc; i++)
        why = add_type(upload->types, cmd, argv[i]);
    return why;
}

/* ---- ChatUploadsLimit, ChatUploadsTime ---- */

#define LIMIT(key, member, ...)                                                \
    CHAT_CONFIG_OPTION(key, chat_dir_upload_t, member, __VA_ARGS__)

static const chat_config_rule_t limits[] = {
    LIMIT("files", files, .set = chat_config_value_count, .min = 0,
          .max = 1000000),
    LIMIT("bytes", bytes, .set = chat_config_value_bytes, .min = 0,
          .max = 1024 * 1024 * MIB),
    LIMIT("inline", inline_bytes, .set = chat_config_value_bytes, .min = 0,
          .max = 512 * MIB),
    LIMIT("memory", memory, .set = chat_config_value_bytes, .min = 0,
          .max = 1024 * 1024 * MIB),
    LIMIT("pixels", pixels, .set = chat_config_value_int, .min = 1,
          .max = 65535),
    {NULL}};

static const char *set_limit(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    return why ? why
               : chat_config_options(&((chat_dir_conf_t *)dirv)->upload, limits,
                                     &seen, cmd, argc, argv);
}

#define TIME(key, member, least, longest)                                      \
    CHAT_CONFIG_OPTION(key, chat_server_upload_t, member,                      \
                       .set = chat_config_value_time, .min = least,            \
                       .max = longest)

static const chat_config_rule_t times[] = {
    TIME("put", put, SECONDS(1), 7 * DAY),
    TIME("get", get, SECONDS(1), 7 * DAY),
    TIME("read", read, SECONDS(60), 7 * DAY),
    TIME("unused", unused, SECONDS(1), 365 * DAY),
    {NULL}};

static const char *set_time(cmd_parms *cmd, void *dir, int argc,
                            char *const argv[])
{
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    unsigned seen = 0;

    if (!why)
        why = chat_config_check_args(cmd, argc);
    return why ? why
               : chat_config_options(&chat_config_server_of(cmd)->upload, times,
                                     &seen, cmd, argc, argv);
}

const chat_config_feature_t chat_config_upload_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatUploads", set_store, NULL, CHAT_OR_SERVER,
                              KINDS " [endpoint=URL] [public=URL] "
                                    "[region=NAME] [style=path|virtual] "
                                    "[reach=on|off]"),
            AP_INIT_TAKE1("ChatUploadsKey", set_key, NULL, CHAT_OR_SERVER,
                          "env:NAME, file:PATH or \"exec:PATH ARGS\": id and "
                          "secret of the object store's access key"),
            AP_INIT_TAKE_ARGV("ChatUploadsTypes", set_types, NULL,
                              CHAT_OR_LIMIT,
                              "media types of files, each TYPE[=BYTES]"),
            AP_INIT_TAKE_ARGV("ChatUploadsLimit", set_limit, NULL,
                              CHAT_OR_LIMIT,
                              "[files=N] [bytes=BYTES] [inline=BYTES] "
                              "[memory=BYTES] "
                              "[pixels=N]"),
            AP_INIT_TAKE_ARGV("ChatUploadsTime", set_time, NULL, CHAT_OR_SERVER,
                              "[put=TIME] [get=TIME] [read=TIME] "
                              "[unused=TIME]"),
        },
    .dir = CHAT_CONFIG_DIR(upload),
    .server = CHAT_CONFIG_SERVER(upload),
};
