/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of the route openapi for a server: the operations of each of its
 * routes below the locations of that, with the bounds, the limits and the
 * identity schemes that hold there. Main thread, or a request's.
 */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_config_mounts.h"
#include "chat_route_openapi.h"

#define SCHEMAS "#/components/schemas/"

typedef struct document_t {
    apr_pool_t *p;
    const chat_json_t *known,
        *refusals; /* all schemas and responses there are */
    chat_json_t *paths, *schemas, *responses, *schemes, *tags;
    apr_hash_t *bounds; /* name of a schema to an array of const chat_dir_conf_t
                         *: one for each set of bounds that it has somewhere */
    int mounted[CHAT_ROUTE_COUNT];
} document_t;

/* One location of the document. */
typedef struct place_t {
    document_t *doc;
    const chat_mount_t *mount;
    const chat_json_t *bound; /* names of the schemas that are its own */
} place_t;

/* ---- bounds ---- */

static const struct {
    const char *name;
    size_t at;
} bounds[] = {
    {"$messages", offsetof(chat_dir_conf_t, request.messages)},
    {"$messageLength", offsetof(chat_dir_conf_t, request.message_length)},
    {"$answerLength", offsetof(chat_dir_conf_t, request.answer_length)},
    {"$maxOutputTokens", offsetof(chat_dir_conf_t, request.max_output_tokens)},
    {"$title", offsetof(chat_dir_conf_t, store.title)},
    {"$parts", offsetof(chat_dir_conf_t, store.parts)},
    {"$metadata", offsetof(chat_dir_conf_t, store.metadata)},
};

#define BOUNDS (int)(sizeof(bounds) / sizeof(*bounds))

static int bound_at(const chat_dir_conf_t *conf, int i)
{
    return *(const int *)((const char *)conf + bounds[i].at);
}

static int same_bounds(const chat_dir_conf_t *a, const chat_dir_conf_t *b)
{
    int i;

    for (i = 0; i < BOUNDS; i++)
        if (bound_at(a, i) != bound_at(b, i))
            return 0;
    return 1;
}

/* With the bounds that come first a schema keeps its name. */
static const char *suffix_of(document_t *doc, const char *name,
                             const chat_dir_conf_t *conf)
{
    apr_array_header_t *sets =
        apr_hash_get(doc->bounds, name, APR_HASH_KEY_STRING);
    int i;

    if (!sets) {
        sets = apr_array_make(doc->p, 1, sizeof(const chat_dir_conf_t *));
        apr_hash_set(doc->bounds, name, APR_HASH_KEY_STRING, sets);
    }
    for (i = 0; i < sets->nelts; i++)
        if (same_bounds(conf, APR_ARRAY_IDX(sets, i, const chat_dir_conf_t *)))
            break;
    if (i == sets->nelts)
        APR_ARRAY_PUSH(sets, const chat_dir_conf_t *) = conf;
    return i ? apr_psprintf(doc->p, "_%d", i + 1) : "";
}

/* ---- what is known, as it is here ---- */

static int names(const chat_json_t *list, const char *name)
{
    int i;

    for (i = 0; i < chat_json_length(list); i++)
        if (!strcmp(chat_json_string(chat_json_at(list, i)), name))
            return 1;
    return 0;
}

static const char *name_here(const place_t *place, const char *name)
{
    return names(place->bound, name)
               ? apr_pstrcat(place->doc->p, name,
                             suffix_of(place->doc, name, place->mount->conf),
                             NULL)
               : name;
}

/* A member that is a text: a bound, a name, or itself. What has no bound is
 * left out. */
static void add_text(chat_json_t *to, const char *key, const char *text,
                     const place_t *place)
{
    const apr_size_t len = sizeof(SCHEMAS) - 1;
    int i;

    for (i = 0; i < BOUNDS; i++) {
        if (strcmp(text, bounds[i].name))
            continue;
        if (bound_at(place->mount->conf, i) < INT_MAX)
            chat_json_add_integer(to, key, bound_at(place->mount->conf, i));
        return;
    }
    if (!strncmp(text, SCHEMAS, len))
        text = apr_pstrcat(place->doc->p, SCHEMAS, name_here(place, text + len),
                           NULL);
    chat_json_add_string(to, key, text);
}

/* Of what this module brings along: it is not deep. */
static chat_json_t *copy(const chat_json_t *v, const place_t *place)
{
    apr_pool_t *p = place->doc->p;
    chat_json_t *to;
    const char *key = NULL;
    int i;

    if (chat_json_kind(v) == CHAT_JSON_ARRAY) {
        to = chat_json_array(p);
        for (i = 0; i < chat_json_length(v); i++)
            chat_json_push(to, copy(chat_json_at(v, i), place));
        return to;
    }
    if (chat_json_kind(v) != CHAT_JSON_OBJECT)
        return (chat_json_t *)v;
    to = chat_json_object(p);
    while ((key = chat_json_next(v, key)) != NULL) {
        const chat_json_t *member = chat_json_get(v, key);

        if (chat_json_string(member))
            add_text(to, key, chat_json_string(member), place);
        else
            chat_json_add(to, key, copy(member, place));
    }
    return to;
}

static void add_schemas(const place_t *place, const chat_json_t *list)
{
    document_t *doc = place->doc;
    int i;

    for (i = 0; i < chat_json_length(list); i++) {
        const char *name = chat_json_string(chat_json_at(list, i));
        const char *here = name_here(place, name);

        if (!chat_json_get(doc->schemas, here))
            chat_json_add(doc->schemas, here,
                          copy(chat_json_get(doc->known, name), place));
    }
}

/* No refusal has a bound. */
static void add_responses(const place_t *place, const chat_json_t *list)
{
    document_t *doc = place->doc;
    int i;

    for (i = 0; i < chat_json_length(list); i++) {
        const char *name = chat_json_string(chat_json_at(list, i));

        if (!chat_json_get(doc->responses, name))
            chat_json_add(doc->responses, name,
                          copy(chat_json_get(doc->refusals, name), place));
    }
}

/* ---- an operation ---- */

static chat_json_t *limits_of(const place_t *place)
{
    static const char *const units[] = {"requests", "tokens",  "streams",
                                        "usd",      "repeats", "invisible",
                                        "blocks"};
    const apr_array_header_t *policies = place->mount->conf->limit.policies;
    chat_json_t *list = chat_json_array(place->doc->p), *row;
    int i;

    for (i = 0; i < policies->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(policies, i, const chat_limit_conf_t *);

        if (policy->off || policy->shadow)
            continue;
        row = chat_json_object(place->doc->p);
        chat_json_add_string(row, "name", policy->name);
        chat_json_add_string(row, "unit", units[policy->unit]);
        if (policy->unit == CHAT_LIMIT_COST)
            chat_json_add_number(row, "limit", (double)policy->points / 1e10);
        else
            chat_json_add_integer(row, "limit", policy->points);
        if (policy->window)
            chat_json_add_integer(row, "seconds", policy->window);
        if (policy->tier)
            chat_json_add_string(row, "tier", policy->tier);
        if (policy->model)
            chat_json_add_string(row, "model", policy->model);
        chat_json_push(list, row);
    }
    return list;
}

/* The second location of a route has names of its own. */
static void add_id(chat_json_t *operation, const place_t *place)
{
    const char *id = chat_json_string(chat_json_get(operation, "operationId"));
    int n = place->doc->mounted[place->mount->conf->route.id];

    if (n > 1)
        chat_json_add_string(operation, "operationId",
                             apr_psprintf(place->doc->p, "%s_%d", id, n));
}

static const char *path_of(const place_t *place, const char *below)
{
    const char *path = place->mount->path;
    apr_size_t len = strlen(path);

    while (len && path[len - 1] == '/')
        len--;
    if (!len && !*below)
        return "/";
    return apr_pstrcat(place->doc->p, apr_pstrmemdup(place->doc->p, path, len),
                       below, NULL);
}

static void add_operation(const place_t *place, const chat_json_t *entry)
{
    document_t *doc = place->doc;
    const char *path =
        path_of(place, chat_json_string(chat_json_get(entry, "path")));
    const char *method = chat_json_string(chat_json_get(entry, "method"));
    const char *auth = chat_json_string(chat_json_get(entry, "auth"));
    chat_json_t *item = chat_json_get(doc->paths, path);
    chat_json_t *operation = copy(chat_json_get(entry, "operation"), place);

    if (!item) {
        item = chat_json_object(doc->p);
        chat_json_add(doc->paths, path, item);
    }
    add_id(operation, place);
    chat_json_add(operation, "security",
                  chat_route_openapi_security(doc->schemes, auth,
                                              place->mount->conf, doc->p));
    if (chat_json_get(entry, "limited"))
        chat_json_add(operation, "x-limits", limits_of(place));
    chat_json_add(item, method, operation);
}

/* ---- a location ---- */

/* Some are there with one ChatStore, or one ChatRequestFormat, alone. */
static int is_there(const chat_json_t *entry, const chat_dir_conf_t *conf)
{
    const char *store = chat_json_string(chat_json_get(entry, "store"));
    const char *format = chat_json_string(chat_json_get(entry, "format"));

    if (format && (strcmp(format, "provider") == 0) != conf->request.native)
        return 0;
    return !store ||
           conf->store.layout ==
               (strcmp(store, "vercel") ? CHAT_STORE_CHAT : CHAT_STORE_VERCEL);
}

static chat_json_t *parse(const char *text, apr_pool_t *p)
{
    const chat_json_limits_t limits = {strlen(text), 100, INT_MAX};
    chat_json_t *v = NULL;

    chat_json_parse(&v, text, limits.bytes, &limits, p);
    return v;
}

static const char *operations_of(int route)
{
    const char *name = chat_config_route_name(route);
    const chat_route_openapi_part_t *part = chat_route_openapi_parts;

    while (part->route && strcmp(part->route, name))
        part++;
    return part->route ? part->operations : "[]";
}

static void add_tag(document_t *doc, int route)
{
    chat_json_t *tag = chat_json_object(doc->p);

    chat_json_add_string(tag, "name", chat_config_route_name(route));
    chat_json_push(doc->tags, tag);
}

static void add_mount(document_t *doc, const chat_mount_t *mount)
{
    int route = mount->conf->route.id, i;
    const chat_json_t *list = parse(operations_of(route), doc->p);
    place_t place = {
        .doc = doc,
        .mount = mount,
    };

    if (chat_json_length(list) && !doc->mounted[route]++)
        add_tag(doc, route);
    for (i = 0; i < chat_json_length(list); i++) {
        const chat_json_t *entry = chat_json_at(list, i);

        if (!is_there(entry, mount->conf))
            continue;
        place.bound = chat_json_get(entry, "bound");
        add_schemas(&place, chat_json_get(entry, "schemas"));
        add_responses(&place, chat_json_get(entry, "responses"));
        add_operation(&place, entry);
    }
}

/* ---- the whole ---- */

static chat_json_t *info(const document_t *doc)
{
    chat_json_t *info = chat_json_object(doc->p);
    chat_json_t *license = chat_json_object(doc->p);

    chat_json_add_string(license, "name", "Apache 2.0");
    chat_json_add_string(license, "identifier", "Apache-2.0");
    chat_json_add_string(info, "title", "mod_chat");
    chat_json_add_string(info, "summary", "What this server has of a chat.");
    chat_json_add_string(info, "version", CHAT_VERSION);
    chat_json_add(info, "license", license);
    return info;
}

/* Wherever it was fetched from. */
static chat_json_t *servers(const document_t *doc)
{
    chat_json_t *list = chat_json_array(doc->p);
    chat_json_t *here = chat_json_object(doc->p);

    chat_json_add_string(here, "url", "/");
    chat_json_push(list, here);
    return list;
}

static const char *text_of(const document_t *doc)
{
    chat_json_t *root = chat_json_object(doc->p);
    chat_json_t *components = chat_json_object(doc->p);

    chat_json_add(components, "schemas", doc->schemas);
    chat_json_add(components, "responses", doc->responses);
    chat_json_add(components, "headers",
                  parse(chat_route_openapi_headers, doc->p));
    chat_json_add(components, "securitySchemes", doc->schemes);
    chat_json_add_string(root, "openapi", "3.1.0");
    chat_json_add(root, "info", info(doc));
    chat_json_add(root, "servers", servers(doc));
    chat_json_add(root, "tags", doc->tags);
    chat_json_add(root, "paths", doc->paths);
    chat_json_add(root, "components", components);
    return chat_json_text(root, NULL, doc->p);
}

const char *chat_route_openapi_document(const server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *mounts = chat_config_mounts(s);
    document_t doc = {
        .p = p,
        .known = parse(chat_route_openapi_schemas, p),
        .refusals = parse(chat_route_openapi_responses, p),
        .responses = chat_json_object(p),
        .paths = chat_json_object(p),
        .schemas = chat_json_object(p),
        .schemes = chat_json_object(p),
        .tags = chat_json_array(p),
        .bounds = apr_hash_make(p),
    };
    int i;

    for (i = 0; i < mounts->nelts; i++)
        add_mount(&doc, &APR_ARRAY_IDX(mounts, i, chat_mount_t));
    return text_of(&doc);
}
