/* SPDX-License-Identifier: Apache-2.0 */
/* Files of users in messages: the forms in which providers have them. See
 * chat_run_files_int.h. */
#include "chat_run_files_int.h"
#include "chat_run_files_room.h"

#include <string.h>

#include <apr_strings.h>

#define TEXT "text/"
#define IMAGE "image/"

/* ---- which they are ---- */

const char *chat_run_files_id(const chat_json_t *part)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));
    const char *id = chat_json_string(chat_json_get(part, "uploadId"));

    return type && !strcmp(type, CHAT_RUN_FILES_PART) && id &&
                   chat_store_is_id(id)
               ? id
               : NULL;
}

chat_run_file_t *chat_run_files_get(const chat_run_t *run, const char *id)
{
    const apr_array_header_t *list = run->files ? run->files->list : NULL;
    int i;

    for (i = 0; list && i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, chat_run_file_t *)->id, id))
            return APR_ARRAY_IDX(list, i, chat_run_file_t *);
    return NULL;
}

/* ---- how each provider takes them ---- */

static int is_image(const chat_run_file_t *file)
{
    return !strncmp(file->u->media_type, IMAGE, sizeof(IMAGE) - 1);
}

int chat_run_files_is_text(const chat_run_file_t *file)
{
    return !strncmp(file->u->media_type, TEXT, sizeof(TEXT) - 1);
}

/* A PDF OpenAI takes by address in one of its two APIs alone, and where the
 * administrator has not chosen, the call does. */
int chat_run_files_fetches(const chat_run_file_t *file,
                           const chat_provider_conf_t *conf)
{
    unsigned caps = chat_config_provider_caps(conf);

    if (!file->url || chat_run_files_is_text(file))
        return 0;
    if (is_image(file))
        return (caps & CHAT_PROVIDER_FETCHES) != 0;
    if (caps & CHAT_PROVIDER_RESPONSES &&
        !(conf->api_pinned && conf->api == CHAT_API_RESPONSES))
        return 0;
    return (caps & CHAT_PROVIDER_FETCHES_FILES) != 0;
}

int chat_run_files_takes(const chat_run_file_t *file,
                         const chat_provider_conf_t *conf)
{
    return is_image(file) || chat_run_files_is_text(file) ||
           chat_config_provider_caps(conf) & CHAT_PROVIDER_DOCUMENTS;
}

/* ---- the forms of OpenAI's parts ---- */

static chat_json_t *text_part(const char *text, apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    chat_json_add_string(part, "type", "text");
    chat_json_add_string(part, "text", text);
    return part;
}

static chat_json_t *nested_part(const char *type, chat_json_t **pinner,
                                apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    *pinner = chat_json_object(p);
    chat_json_add_string(part, "type", type);
    chat_json_add(part, type, *pinner);
    return part;
}

/* Lists may have replaced a piece of it. */
static const char *name_of(const chat_json_t *part, const chat_run_file_t *file)
{
    const char *name = chat_json_string(chat_json_get(part, "name"));

    if (name)
        return name;
    return file && file->u ? file->u->filename : "";
}

static chat_json_t *form_of(const chat_run_file_t *file,
                            const chat_json_t *part, const chat_run_t *run)
{
    apr_pool_t *p = run->request_pool;
    const char *name = name_of(part, file), *address;
    const chat_provider_conf_t *conf = run->attempt.candidate->conf;
    chat_json_t *made, *inner;

    if (!file || !file->u || !chat_run_files_takes(file, conf))
        return text_part(
            apr_pstrcat(p, "[The file ", name, " is not available.]", NULL), p);
    if (chat_run_files_is_text(file))
        return text_part(apr_pstrcat(p, name, ":\n\n", file->data, NULL), p);
    address = chat_run_files_fetches(file, conf)
                  ? file->url
                  : apr_pstrcat(p, "data:", file->u->media_type, ";base64,",
                                file->mark, NULL);
    if (is_image(file)) {
        made = nested_part("image_url", &inner, p);
        chat_json_add_string(inner, "url", address);
        return made;
    }
    made = nested_part("file", &inner, p);
    chat_json_add_string(inner, "filename", name);
    chat_json_add_string(inner, address == file->url ? "file_url" : "file_data",
                         address);
    return made;
}

static chat_json_t *forms_of(const chat_json_t *parts, const chat_run_t *run)
{
    chat_json_t *made = chat_json_array(run->request_pool);
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        chat_json_t *part = chat_json_at(parts, i);
        const char *id = chat_run_files_id(part);

        chat_json_push(
            made, id ? form_of(chat_run_files_get(run, id), part, run) : part);
    }
    return made;
}

void chat_run_files_address(chat_turn_t *turn, const chat_run_t *run)
{
    chat_message_t *messages;
    int i;

    if (!run->files)
        return;
    messages = apr_pmemdup(run->request_pool, turn->messages,
                           turn->nmessages * sizeof(*messages));
    for (i = 0; i < turn->nmessages; i++)
        if (messages[i].parts)
            messages[i].parts = forms_of(messages[i].parts, run);
    turn->messages = messages;
}

/* ---- the body ---- */

/* The first mark in the text, and whose it is. */
static const char *next_mark(const chat_run_file_t **pfile,
                             const chat_run_t *run, const char *text,
                             apr_size_t len)
{
    const char *first = NULL;
    int i;

    for (i = 0; i < run->files->list->nelts; i++) {
        const chat_run_file_t *file =
            APR_ARRAY_IDX(run->files->list, i, chat_run_file_t *);
        const char *at =
            file->mark ? memmem(text, len, file->mark, CHAT_RUN_FILES_MARK)
                       : NULL;

        if (at && (!first || at < first)) {
            first = at;
            *pfile = file;
        }
    }
    return first;
}

static apr_size_t whole_length(const chat_run_t *run, const char *body,
                               apr_size_t len)
{
    apr_size_t sum = len;
    const char *at;
    const chat_run_file_t *file;
    const char *end = body + len;

    while ((at = next_mark(&file, run, body, (apr_size_t)(end - body)))) {
        sum += file->len - CHAT_RUN_FILES_MARK;
        body = at + CHAT_RUN_FILES_MARK;
    }
    return sum;
}

char *chat_run_files_body(apr_size_t *plen, const chat_run_t *run,
                          const char *body, apr_size_t len, apr_pool_t *p)
{
    const char *end = body + len, *at;
    const chat_run_file_t *file;
    char *out, *to;

    *plen = len;
    if (!run->files)
        return apr_pmemdup(p, body, len);
    *plen = whole_length(run, body, len);
    if (*plen > len)
        chat_run_files_room_copied(*plen - len, p);
    out = to = apr_palloc(p, *plen);
    while ((at = next_mark(&file, run, body, (apr_size_t)(end - body)))) {
        memcpy(to, body, (apr_size_t)(at - body));
        to += at - body;
        memcpy(to, file->data, file->len);
        to += file->len;
        body = at + CHAT_RUN_FILES_MARK;
    }
    memcpy(to, body, (apr_size_t)(end - body));
    return out;
}
