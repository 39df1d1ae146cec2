/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: read while the configuration is read, so as root where httpd is
 * started as root, from the environment, a file or a program's output. A
 * graceful restart reads them again; from the environment, see
 * chat_config_env.c. The copy is overwritten when the
 * configuration is thrown away. Main thread only; never for .htaccess.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_user.h>

#include "chat_log.h"

#define SECRET_MAX (64 * 1024)
#define EXEC_TIME apr_time_from_sec(10)
#define EXEC_NAP (5 * 1000)

#define OTHERS (APR_FPROT_WREAD | APR_FPROT_WWRITE | APR_FPROT_WEXECUTE)
#define FINFO (APR_FINFO_TYPE | APR_FINFO_PROT | APR_FINFO_OWNER)

/* What was read, before anybody looked at it. On the stack, wiped after use;
 * one byte more than a secret may have, so that too much is seen. */
typedef struct raw_t {
    char data[SECRET_MAX + 1];
    apr_size_t len;
} raw_t;

static const char *fail(cmd_parms *cmd, const char *from, const char *path,
                        apr_status_t rv)
{
    char why[120];

    return apr_psprintf(cmd->pool, "%s: %s%s cannot be read: %s",
                        cmd->cmd->name, from, path,
                        apr_strerror(rv, why, sizeof(why)));
}

/* ---- env: ---- */

/* A name that is none may be the secret itself, so it is not repeated. */
static const char *from_env(raw_t *raw, cmd_parms *cmd, const char *name)
{
    const char *value;
    apr_size_t head = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz_"
                                   "0123456789");

    if (!*name || name[head]) {
        return apr_psprintf(cmd->pool,
                            "%s: after env: stands the name of an environment "
                            "variable (letters, digits and _), as in "
                            "env:OPENAI_API_KEY",
                            cmd->cmd->name);
    }
    value = chat_config_env(cmd, name);
    if (!value) {
        return apr_psprintf(cmd->pool,
                            "%s: the environment variable %.100s is not set "
                            "where the server is started",
                            cmd->cmd->name, name);
    }
    raw->len = strlen(value);
    if (raw->len > SECRET_MAX)
        raw->len = SECRET_MAX + 1;
    memcpy(raw->data, value, raw->len);
    chat_config_need(
        cmd, CHAT_HAVE_ENV,
        apr_pstrcat(cmd->pool, cmd->cmd->name, " env:", name, NULL));
    return NULL;
}

/* ---- file: ---- */

/* root's group, or the one the owner has alone on most systems. */
static int trusted_group(const apr_finfo_t *info, apr_pool_t *p)
{
    char *owner;
    apr_uid_t uid;
    apr_gid_t gid;

    return info->group == 0 ||
           (apr_uid_name_get(&owner, info->user, p) == APR_SUCCESS &&
            apr_uid_get(&uid, &gid, owner, p) == APR_SUCCESS &&
            gid == info->group);
}

/* As sshd treats its keys: what others may touch is no secret. */
static const char *check_mode(cmd_parms *cmd, const char *path,
                              const apr_finfo_t *info)
{
    if (info->filetype != APR_REG) {
        return apr_psprintf(cmd->pool, "%s: %s is not a regular file",
                            cmd->cmd->name, path);
    }
    if (info->protection & (OTHERS | APR_FPROT_GWRITE)) {
        return apr_psprintf(cmd->pool,
                            "%s: %s is open to others (mode %x): allow its "
                            "owner to read it, and at most a group, as "
                            "chmod 600 or chmod 640 does",
                            cmd->cmd->name, path,
                            (unsigned)info->protection & 0xfff);
    }
    if ((info->protection & APR_FPROT_GREAD) &&
        !trusted_group(info, cmd->temp_pool)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cmd->server,
                     CHATNO(0110) "%s: a group that is neither root's nor its "
                                  "owner's can read %s",
                     cmd->cmd->name, path);
    }
    return NULL;
}

/* The mode is asked of the open file, not of a name that may change hands. A
 * named pipe would make open() wait, hence the look at the name first. */
static const char *from_file(raw_t *raw, cmd_parms *cmd, const char *name)
{
    const char *path = ap_server_root_relative(cmd->temp_pool, name);
    apr_file_t *file = NULL;
    apr_finfo_t info;
    apr_status_t rv = APR_EBADPATH;
    const char *why;

    if (!*name || !path)
        return fail(cmd, "file:", name, APR_EBADPATH);
    rv = apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool);
    if (rv == APR_SUCCESS && info.filetype == APR_REG)
        rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                           cmd->temp_pool);
    if (rv == APR_SUCCESS && file)
        rv = apr_file_info_get(&info, FINFO, file);
    if (rv != APR_SUCCESS)
        return fail(cmd, "", path, rv);
    why = check_mode(cmd, path, &info);
    if (!why) {
        rv = apr_file_read_full(file, raw->data, sizeof(raw->data), &raw->len);
        if (rv != APR_SUCCESS && rv != APR_EOF)
            why = fail(cmd, "", path, rv);
    }
    if (file)
        apr_file_close(file);
    return why;
}

/* ---- exec: ---- */

/* Read what the program says, until it closes its output or time is up. */
static apr_status_t listen_to(raw_t *raw, apr_proc_t *proc, apr_time_t until)
{
    apr_status_t rv = APR_SUCCESS;
    apr_interval_time_t left;
    apr_size_t len;

    while (rv == APR_SUCCESS && raw->len < sizeof(raw->data)) {
        left = until - apr_time_now();
        apr_file_pipe_timeout_set(proc->out, left > 0 ? left : 0);
        len = sizeof(raw->data) - raw->len;
        rv = apr_file_read(proc->out, raw->data + raw->len, &len);
        if (rv == APR_SUCCESS)
            raw->len += len;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* APR_SUCCESS when it ended with exit code 0. A program that talks too much
 * or too long is killed: nothing of it outlives the reading of the file. */
static apr_status_t finish(apr_proc_t *proc, apr_status_t rv, apr_time_t until)
{
    int code = 0;
    apr_exit_why_e why = APR_PROC_EXIT;

    while (rv == APR_SUCCESS &&
           apr_proc_wait(proc, &code, &why, APR_NOWAIT) == APR_CHILD_NOTDONE) {
        if (apr_time_now() >= until)
            rv = APR_TIMEUP;
        else
            apr_sleep(EXEC_NAP);
    }
    if (rv != APR_SUCCESS) {
        apr_proc_kill(proc, SIGKILL);
        apr_proc_wait(proc, &code, &why, APR_WAIT);
        return rv;
    }
    return why == APR_PROC_EXIT && code == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t start(apr_proc_t *proc, char *const *argv, apr_pool_t *p)
{
    apr_procattr_t *attr;
    apr_status_t rv;

    if ((rv = apr_procattr_create(&attr, p)) != APR_SUCCESS ||
        (rv = apr_procattr_io_set(attr, APR_NO_FILE, APR_FULL_BLOCK,
                                  APR_NO_PIPE)) != APR_SUCCESS ||
        (rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM_ENV)) != APR_SUCCESS ||
        (rv = apr_procattr_error_check_set(attr, 1)) != APR_SUCCESS)
        return rv;
    return apr_proc_create(proc, argv[0], (const char *const *)argv, NULL, attr,
                           p);
}

/* It runs as root: whoever can change it is root too. */
static const char *check_program(cmd_parms *cmd, const char *path)
{
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, path, FINFO, cmd->temp_pool);

    if (rv != APR_SUCCESS)
        return fail(cmd, "exec:", path, rv);
    if (info.filetype == APR_REG &&
        !(info.protection & (APR_FPROT_GWRITE | APR_FPROT_WWRITE)))
        return NULL;
    return apr_psprintf(cmd->pool,
                        "%s: the program %s must be a regular file that only "
                        "its owner can change, as chmod 755 or 700 makes it",
                        cmd->cmd->name, path);
}

static const char *from_exec(raw_t *raw, cmd_parms *cmd, const char *command)
{
    apr_proc_t proc;
    apr_time_t until = apr_time_now() + EXEC_TIME;
    char **argv;
    const char *why;
    apr_status_t rv;

    if (apr_tokenize_to_argv(command, &argv, cmd->temp_pool) != APR_SUCCESS ||
        !argv[0])
        return fail(cmd, "exec:", command, APR_EBADPATH);
    argv[0] = ap_server_root_relative(cmd->temp_pool, argv[0]);
    if (!argv[0])
        return fail(cmd, "exec:", command, APR_EBADPATH);
    if ((why = check_program(cmd, argv[0])) != NULL)
        return why;
    rv = start(&proc, argv, cmd->temp_pool);
    if (rv != APR_SUCCESS)
        return fail(cmd, "exec:", argv[0], rv);
    rv = listen_to(raw, &proc, until);
    apr_file_close(proc.out);
    rv = finish(&proc, raw->len > SECRET_MAX ? APR_EGENERAL : rv, until);
    if (raw->len > SECRET_MAX || rv == APR_SUCCESS)
        return NULL;
    return apr_psprintf(
        cmd->pool, "%s: the program %s %s", cmd->cmd->name, argv[0],
        APR_STATUS_IS_TIMEUP(rv) ? "did not end within 10 seconds"
                                 : "failed: it must end with exit code 0");
}

/* ---- what all have in common ---- */

static apr_status_t wipe(void *secret)
{
    explicit_bzero(secret, strlen(secret));
    return APR_SUCCESS;
}

/* A last line's end is not part of the secret; anything else that a keyboard
 * does not give is a sign that this is not the right file. */
static const char *keep(const char **psecret, raw_t *raw, cmd_parms *cmd)
{
    const char *wrong = NULL;
    char *secret;
    apr_size_t i;

    if (raw->len > SECRET_MAX)
        wrong = "has more than 64 KiB";
    while (raw->len > 0 && strchr("\r\n", raw->data[raw->len - 1]) &&
           raw->data[raw->len - 1])
        raw->len--;
    for (i = 0; i < raw->len && !wrong; i++) {
        if ((unsigned char)raw->data[i] < 0x20 || raw->data[i] == 0x7f)
            wrong = "has control characters or more than one line";
    }
    if (raw->len == 0)
        wrong = "is empty";
    if (wrong)
        return apr_psprintf(cmd->pool,
                            "%s: the secret %s: write one line of text there",
                            cmd->cmd->name, wrong);
    secret = apr_pstrmemdup(cmd->pool, raw->data, raw->len);
    apr_pool_cleanup_register(cmd->pool, secret, wipe, apr_pool_cleanup_null);
    *psecret = secret;
    return NULL;
}

/* The sentence, or NULL: raw has the text. */
static const char *get(raw_t *raw, cmd_parms *cmd, const char *spec)
{
    raw->len = 0;
    if (strncmp(spec, "env:", 4) == 0)
        return from_env(raw, cmd, spec + 4);
    if (strncmp(spec, "file:", 5) == 0)
        return from_file(raw, cmd, spec + 5);
    if (strncmp(spec, "exec:", 5) == 0)
        return from_exec(raw, cmd, spec + 5);
    return apr_psprintf(cmd->pool,
                        "%s takes no secret in the configuration itself: "
                        "write env:NAME, file:PATH or \"exec:PATH ARGS\"",
                        cmd->cmd->name);
}

const char *chat_config_secret(const char **psecret, cmd_parms *cmd,
                               const char *spec)
{
    raw_t raw;
    const char *why = get(&raw, cmd, spec);

    if (!why)
        why = keep(psecret, &raw, cmd);
    explicit_bzero(raw.data, sizeof(raw.data));
    return why;
}

const char *chat_config_secret_lines(cmd_parms *cmd, const char *spec,
                                     chat_config_secret_fn *keep_lines,
                                     void *out)
{
    raw_t raw;
    const char *why = get(&raw, cmd, spec);

    if (!why && raw.len > SECRET_MAX)
        why = apr_psprintf(cmd->pool, "%s: the secret has more than 64 KiB",
                           cmd->cmd->name);
    if (!why)
        why = keep_lines(out, raw.data, raw.len, cmd);
    explicit_bzero(raw.data, sizeof(raw.data));
    return why;
}
