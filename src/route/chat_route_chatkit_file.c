/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments of ChatKit: files of users by another name. What is announced
 * here is put to the URL that the answer names; what comes as a form goes to
 * the uploads route. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_route_chatkit_parts.h"
#include "chat_route_upload.h"

typedef chat_route_chatkit_t kit_t;

static int is_image(const chat_store_upload_t *u)
{
    return !strncmp(u->media_type, "image/", 6);
}

/* What it can be looked at by; NULL: it is no image, or not there any more. */
static const char *preview(void *ctx, const char *id, apr_pool_t *p)
{
    kit_t *kit = ctx;
    chat_store_upload_t *u;
    chat_err_t err = {0};
    const char *url = NULL;

    if (!chat_upload_conf(kit->q.r->server) || !chat_store_is_id(id) ||
        chat_store_upload_get(&u, &kit->q.at, id, &err) != APR_SUCCESS ||
        !is_image(u))
        return NULL;
    return chat_route_upload_url(&url, u, &kit->q) == APR_SUCCESS ? url : NULL;
}

chat_route_chatkit_look_t chat_route_chatkit_file_look(kit_t *kit)
{
    return (chat_route_chatkit_look_t){preview, kit};
}

static apr_status_t tell(kit_t *kit, const chat_store_upload_t *u,
                         const char *target)
{
    chat_json_t *out = chat_json_object(kit->q.p);
    const char *url = NULL, *json;
    apr_status_t rv =
        is_image(u) ? chat_route_upload_url(&url, u, &kit->q) : APR_SUCCESS;

    if (rv != APR_SUCCESS)
        return rv;
    chat_json_add_string(out, "id", u->id);
    chat_json_add_string(out, "name", u->filename);
    chat_json_add_string(out, "mime_type", u->media_type);
    chat_json_add_string(out, "type", url ? "image" : "file");
    if (url)
        chat_json_add_string(out, "preview_url", url);
    json = chat_json_text(out, NULL, kit->q.p);
    kit->q.json =
        apr_pstrcat(kit->q.p, apr_pstrmemdup(kit->q.p, json, strlen(json) - 1),
                    ",\"upload_descriptor\":", target, "}", NULL);
    return APR_SUCCESS;
}

apr_status_t chat_route_chatkit_file_create(kit_t *kit)
{
    chat_route_upload_wish_t wish = {.filename = kit->request.name,
                                     .media_type = kit->request.media_type,
                                     .size = kit->request.size};
    chat_store_upload_t *u;
    const char *target;
    apr_status_t rv = chat_route_rest_ask_limits(&kit->q);

    if (rv == APR_SUCCESS)
        rv = chat_route_upload_announce(&u, &wish, &kit->q);
    if (rv == APR_SUCCESS)
        rv = chat_route_upload_target(&target, u, &kit->q);
    return rv == APR_SUCCESS ? tell(kit, u, target) : rv;
}

/* What nobody has any more is nothing to complain of. */
apr_status_t chat_route_chatkit_file_delete(kit_t *kit)
{
    const char *id = kit->request.attachment;
    apr_status_t rv = APR_NOTFOUND;

    if (chat_store_is_id(id))
        rv = chat_store_upload_remove(&kit->q.at, id, &kit->q.err);
    if (rv == APR_NOTFOUND)
        rv = chat_route_chatkit_nobodys(kit);
    if (rv == APR_SUCCESS)
        kit->q.json = "{}";
    return rv;
}

apr_status_t chat_route_chatkit_file_ready(kit_t *kit)
{
    const apr_array_header_t *files = kit->request.message.files;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && files && i < files->nelts; i++) {
        const char *id = APR_ARRAY_IDX(files, i, const char *);
        chat_store_upload_t *u;

        rv = chat_upload_conf(kit->q.r->server) && chat_store_is_id(id)
                 ? chat_store_upload_get(&u, &kit->q.at, id, &kit->q.err)
                 : APR_NOTFOUND;
        if (rv == APR_SUCCESS && !u->ready)
            rv = chat_route_upload_complete(u, &kit->q);
    }
    if (rv != APR_NOTFOUND)
        return rv;
    kit->q.err.param = "attachments";
    return chat_err_set(&kit->q.err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "upload_unknown",
                        "You have no such file, or it is not there yet.");
}
