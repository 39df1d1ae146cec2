/* SPDX-License-Identifier: Apache-2.0 */
/* Files of users in messages: whose they are, and what is in them. See
 * chat_run_files_int.h. */
#include "chat_run_files_int.h"
#include "chat_run_files_room.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_run_lists.h"
#include "chat_upload.h"

static chat_store_at_t store_at(const chat_run_t *run)
{
    return (chat_store_at_t){
        .s = run->r->server,
        .r = run->r,
        .p = run->request_pool,
        .owner = chat_run_owner(run->ctx->user),
    };
}

static chat_upload_file_t file_of(const chat_store_upload_t *u)
{
    return (chat_upload_file_t){.id = u->id,
                                .key = u->key,
                                .seal = u->seal,
                                .filename = u->filename,
                                .media_type = u->media_type,
                                .size = u->size,
                                .sha256 = u->sha256};
}

/* ---- parts ---- */

/* As it is kept, and as a page shows it. */
static chat_json_t *describe(const chat_store_upload_t *u, apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    chat_json_add_string(part, "type", CHAT_RUN_FILES_PART);
    chat_json_add_string(part, "uploadId", u->id);
    chat_json_add_string(part, "mediaType", u->media_type);
    chat_json_add_string(part, "name", u->filename);
    chat_json_add_integer(part, "size", u->size);
    return part;
}

/* ---- which they are ---- */

/* *pfile is NULL when nobody has it: what was asked before may have lost it. */
static apr_status_t add(chat_run_file_t **pfile, chat_run_t *run,
                        const char *id, chat_err_t *err)
{
    const chat_store_at_t at = store_at(run);
    chat_store_upload_t *u = NULL;
    chat_run_file_t *file = chat_run_files_get(run, id);
    apr_status_t rv;

    *pfile = file;
    if (file)
        return APR_SUCCESS;
    if (!at.owner || !chat_upload_conf(run->r->server))
        return APR_NOTFOUND;
    rv = chat_store_upload_get(&u, &at, id, err);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return rv;
    if (!run->files) {
        run->files = apr_pcalloc(run->request_pool, sizeof(*run->files));
        run->files->list =
            apr_array_make(run->request_pool, 4, sizeof(chat_run_file_t *));
    }
    *pfile = file = apr_pcalloc(run->request_pool, sizeof(*file));
    file->id = apr_pstrdup(run->request_pool, id);
    file->u = rv == APR_SUCCESS && u->ready ? u : NULL;
    APR_ARRAY_PUSH(run->files->list, chat_run_file_t *) = file;
    return file->u ? APR_SUCCESS : APR_NOTFOUND;
}

static apr_status_t unknown(chat_err_t *err)
{
    memset(err, 0, sizeof(*err));
    err->param = "uploadId";
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "upload_unknown",
                        "You have no such file, or it is not there yet.");
}

/* A list with what is known of each; the same list where it has none. */
static apr_status_t enrich(chat_json_t **plist, chat_run_t *run,
                           chat_err_t *err)
{
    chat_json_t *list = *plist, *made = chat_json_array(run->request_pool);
    int i, files = 0;

    for (i = 0; i < chat_json_length(list); i++) {
        chat_json_t *part = chat_json_at(list, i);
        const char *id = chat_run_files_id(part);
        chat_run_file_t *file;
        apr_status_t rv = id ? add(&file, run, id, err) : APR_SUCCESS;

        if (rv != APR_SUCCESS)
            return rv == APR_NOTFOUND ? unknown(err) : rv;
        files += id != NULL;
        chat_json_push(made, id ? describe(file->u, run->request_pool) : part);
    }
    if (files)
        *plist = made;
    return APR_SUCCESS;
}

apr_status_t chat_run_files_find(chat_run_t *run, chat_err_t *err)
{
    chat_turn_t *turn = &run->request.turn;
    chat_message_t *messages = NULL;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (run->request.place.parts)
        rv = enrich(&run->request.place.parts, run, err);
    for (i = 0; rv == APR_SUCCESS && i < turn->nmessages; i++) {
        chat_json_t *parts = turn->messages[i].parts;

        if (!parts)
            continue;
        rv = enrich(&parts, run, err);
        if (rv != APR_SUCCESS || parts == turn->messages[i].parts)
            continue;
        if (!messages)
            turn->messages = messages =
                apr_pmemdup(run->request_pool, turn->messages,
                            turn->nmessages * sizeof(*messages));
        messages[i].parts = parts;
    }
    return rv;
}

/* ---- what is in them ---- */

/* So many are there. */
static apr_size_t bytes_of(const chat_run_file_t *file)
{
    return chat_run_files_is_text(file) ? file->len
                                        : file->len / 4 * 3 + file->carry_len;
}

static apr_status_t take_text(void *ctx, const char *data, apr_size_t len)
{
    chat_run_file_t *file = ctx;
    apr_size_t left = (apr_size_t)file->u->size - file->len;

    if (len > left)
        return APR_ENOSPC;
    memcpy(file->data + file->len, data, len);
    file->len += len;
    return APR_SUCCESS;
}

/* Three bytes are four characters: what is left over waits for the next. */
static apr_status_t take_base64(void *ctx, const char *data, apr_size_t len)
{
    chat_run_file_t *file = ctx;
    apr_size_t whole;

    if (bytes_of(file) + len > (apr_size_t)file->u->size)
        return APR_ENOSPC;
    while (len && file->carry_len && file->carry_len < 3) {
        file->carry[file->carry_len++] = (unsigned char)*data++;
        len--;
    }
    if (file->carry_len == 3) {
        file->len += (apr_size_t)apr_base64_encode_binary(
                         file->data + file->len, file->carry, 3) -
                     1;
        file->carry_len = 0;
    }
    whole = len - len % 3;
    if (whole)
        file->len += (apr_size_t)apr_base64_encode_binary(
                         file->data + file->len, (const unsigned char *)data,
                         (int)whole) -
                     1;
    while (whole < len)
        file->carry[file->carry_len++] = (unsigned char)data[whole++];
    return APR_SUCCESS;
}

static void end_base64(chat_run_file_t *file)
{
    if (file->carry_len)
        file->len +=
            (apr_size_t)apr_base64_encode_binary(
                file->data + file->len, file->carry, (int)file->carry_len) -
            1;
    file->carry_len = 0;
}

/* A mark that nobody can have written. */
static const char *new_mark(apr_pool_t *p)
{
    unsigned char bytes[CHAT_RUN_FILES_MARK / 2];
    char *hex = apr_palloc(p, CHAT_RUN_FILES_MARK + 1);

    if (chat_crypto_random(bytes, sizeof(bytes)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, bytes, sizeof(bytes));
    return hex;
}

static apr_status_t gone(chat_err_t *err)
{
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "uploads_unavailable",
                        "Files cannot be reached right now.");
}

static apr_status_t busy(chat_err_t *err)
{
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "uploads_unavailable",
                        "Too many files are on their way to providers right "
                        "now.");
}

static apr_status_t load(chat_run_file_t *file, chat_run_t *run,
                         chat_err_t *err)
{
    const chat_upload_at_t at = {
        .s = run->r->server, .r = run->r, .p = run->request_pool};
    const chat_upload_file_t f = file_of(file->u);
    const apr_size_t size = (apr_size_t)file->u->size;
    const apr_size_t whole =
        chat_run_files_is_text(file) ? size : (size + 2) / 3 * 4;
    apr_status_t rv;

    if (!chat_run_files_room_take(whole, run->conf->upload.memory,
                                  run->request_pool))
        return busy(err);
    file->mark = new_mark(run->request_pool);
    file->data = apr_palloc(run->request_pool, whole + 5);
    if (!file->mark)
        return gone(err);
    rv = chat_upload_read(
        &at, &f, 0, chat_run_files_is_text(file) ? take_text : take_base64,
        file, err);
    if (rv == APR_NOTFOUND)
        return gone(err);
    if (rv != APR_SUCCESS)
        return rv;
    if (bytes_of(file) != size)
        return gone(err);
    if (chat_run_files_is_text(file))
        file->data[file->len] = '\0';
    else
        end_base64(file);
    return APR_SUCCESS;
}

static apr_status_t too_large(chat_run_t *run, chat_err_t *err)
{
    err->param = "uploadId";
    return chat_err_set(
        err, APR_ENOSPC, HTTP_REQUEST_ENTITY_TOO_LARGE, "upload_too_large",
        apr_psprintf(run->r->pool,
                     "The files of one request may have at most "
                     "%" APR_INT64_T_FMT " bytes together here.",
                     run->conf->upload.inline_bytes));
}

static apr_status_t cannot(chat_err_t *err)
{
    err->param = "uploadId";
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "unsupported",
                        "This model's provider takes no files of this type.");
}

/* How it goes to each that may be asked; *pleft: bytes that may still be
 * read. */
static apr_status_t prepare(chat_run_file_t *file, chat_run_t *run,
                            apr_int64_t *pleft, chat_err_t *err)
{
    const chat_upload_conf_t *conf = chat_upload_conf(run->r->server);
    const chat_server_upload_t *server = &run->ctx->server->upload;
    const chat_upload_at_t at = {.s = run->r->server,
                                 .r = run->r,
                                 .p = run->request_pool,
                                 .location = server->location};
    const chat_upload_file_t f = file_of(file->u);
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (!chat_run_files_takes(file, run->candidates[0].conf))
        return cannot(err);
    if (conf->reach && !chat_run_files_is_text(file))
        rv = chat_upload_get_url(&file->url, &at, &f,
                                 (int)apr_time_sec(server->read), err);
    for (i = 0; i < run->ncandidates; i++)
        if (!chat_run_files_fetches(file, run->candidates[i].conf))
            file->here = 1;
    if (rv != APR_SUCCESS || !file->here)
        return rv;
    *pleft -= file->u->size;
    return *pleft < 0 ? too_large(run, err) : load(file, run, err);
}

/* A text is as good as one that was typed; what was asked before counts no
 * more. */
static apr_status_t look(const chat_run_file_t *file, chat_run_t *run,
                         int is_new, chat_err_t *err)
{
    return chat_run_files_is_text(file)
               ? chat_run_lists_file(run, file->data, file->len, is_new, err)
               : APR_SUCCESS;
}

/* ---- all that the turn has now ---- */

/* Of what was asked before, what is not there any more, would be too much, or
 * has what may not be asked, is left out: its question was answered. */
static apr_status_t prepare_part(chat_run_t *run, const char *id, int is_new,
                                 apr_int64_t *pleft, chat_err_t *err)
{
    chat_run_file_t *file;
    apr_int64_t left = *pleft;
    apr_status_t rv = add(&file, run, id, err);

    if (rv == APR_NOTFOUND) {
        memset(err, 0, sizeof(*err));
        return is_new ? unknown(err) : APR_SUCCESS;
    }
    if (rv != APR_SUCCESS || !file->u || file->data || file->url)
        return rv;
    rv = prepare(file, run, pleft, err);
    if (rv == APR_SUCCESS)
        rv = look(file, run, is_new, err);
    if (rv == APR_SUCCESS || is_new || rv == APR_EGENERAL)
        return rv;
    memset(err, 0, sizeof(*err));
    *pleft = left;
    file->u = NULL;
    return APR_SUCCESS;
}

static apr_status_t keep_used(chat_run_t *run, chat_err_t *err)
{
    const chat_store_at_t at = store_at(run);
    apr_array_header_t *ids;
    int i;

    if (!run->files || !run->kept)
        return APR_SUCCESS;
    ids = apr_array_make(run->request_pool, 4, sizeof(const char *));
    for (i = 0; i < run->files->list->nelts; i++) {
        const chat_run_file_t *file =
            APR_ARRAY_IDX(run->files->list, i, chat_run_file_t *);

        if (file->u)
            APR_ARRAY_PUSH(ids, const char *) = file->id;
    }
    return chat_store_upload_use(
        ids, &at, run->vercel ? NULL : run->kept->conversation,
        run->vercel ? run->kept->conversation : NULL, err);
}

apr_status_t chat_run_files_load(chat_run_t *run, chat_err_t *err)
{
    const chat_turn_t *turn = &run->request.turn;
    apr_int64_t left = run->conf->upload.inline_bytes;
    apr_status_t rv = APR_SUCCESS;
    int i, k;

    /* The newest first. */
    for (i = turn->nmessages - 1; rv == APR_SUCCESS && i >= 0; i--) {
        const chat_json_t *parts = turn->messages[i].parts;

        for (k = 0; rv == APR_SUCCESS && k < chat_json_length(parts); k++) {
            const char *id = chat_run_files_id(chat_json_at(parts, k));

            if (id)
                rv =
                    prepare_part(run, id, i == turn->nmessages - 1, &left, err);
        }
    }
    return rv == APR_SUCCESS ? keep_used(run, err) : rv;
}
