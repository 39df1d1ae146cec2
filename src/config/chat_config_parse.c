/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of the configuration turned into values: numbers, bytes, times, names,
 * origins, SQL. Each gives NULL or a sentence that names the directive, the
 * value and what would be right. Calls nothing but APR. Any thread, for
 * requests read .htaccess.
 */
#include "chat_config_int.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM CAPITALS LETTERS DIGITS

/* Of a price: see chat_price_t. */
#define PRICE_DIGITS 6
#define PRICE_DECIMALS 6

typedef struct unit_t {
    const char *name;
    apr_int64_t factor;
} unit_t;

/* Largest first: the sentences show a limit in the largest that divides it. */
static const unit_t times[] = {{"h", 60 * 60 * APR_USEC_PER_SEC},
                               {"m", 60 * APR_USEC_PER_SEC},
                               {"s", APR_USEC_PER_SEC},
                               {"ms", 1000},
                               {"us", 1},
                               {NULL, 0}};

static const unit_t sizes[] = {
    {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0}};

const char *chat_config_refuse(const char *what, const char *value,
                               const char *accepted, apr_pool_t *p)
{
    return apr_psprintf(p, "%s does not accept \"%.100s\": write %s", what,
                        value, accepted);
}

/* The leading digits of value; APR_EINVAL when there are none or too many. */
static apr_status_t digits(apr_int64_t *pnumber, const char **prest,
                           const char *value)
{
    char *end;

    if (!apr_isdigit(*value))
        return APR_EINVAL;
    errno = 0;
    *pnumber = apr_strtoi64(value, &end, 10);
    *prest = end;
    return errno == 0 ? APR_SUCCESS : APR_EINVAL;
}

/* A number with a unit; without one it counts in units of bare. */
static apr_status_t measure(apr_int64_t *pvalue, const char *value,
                            const unit_t *units, apr_int64_t bare)
{
    apr_int64_t number, factor = bare;
    const char *rest;

    if (digits(&number, &rest, value) != APR_SUCCESS)
        return APR_EINVAL;
    if (*rest) {
        while (units->name && strcasecmp(units->name, rest) != 0)
            units++;
        if (!units->name)
            return APR_EINVAL;
        factor = units->factor;
    }
    if (number > APR_INT64_MAX / factor)
        return APR_EINVAL;
    *pvalue = number * factor;
    return APR_SUCCESS;
}

/* Tokens are counted in thousands, not in powers of two. */
static const unit_t counts[] = {
    {"M", 1000000}, {"K", 1000}, {"", 1}, {NULL, 0}};

static const char *show(apr_int64_t value, const unit_t *units, apr_pool_t *p)
{
    if (value == 0)
        return "0";
    while (value % units->factor != 0)
        units++;
    return apr_psprintf(p, "%" APR_INT64_T_FMT "%s", value / units->factor,
                        units->name);
}

const char *chat_config_parse_int(int *pvalue, const char *what,
                                  const char *value, int min, int max,
                                  apr_pool_t *p)
{
    apr_int64_t number;
    const char *rest;

    if (digits(&number, &rest, value) == APR_SUCCESS && !*rest &&
        number >= min && number <= max) {
        *pvalue = (int)number;
        return NULL;
    }
    return chat_config_refuse(
        what, value, apr_psprintf(p, "a whole number from %d to %d", min, max),
        p);
}

const char *chat_config_parse_bytes(apr_int64_t *pvalue, const char *what,
                                    const char *value, apr_int64_t min,
                                    apr_int64_t max, apr_pool_t *p)
{
    if (measure(pvalue, value, sizes, 1) == APR_SUCCESS && *pvalue >= min &&
        *pvalue <= max)
        return NULL;
    return chat_config_refuse(
        what, value,
        apr_psprintf(p,
                     "a number of bytes from %s to %s; K, M and G stand "
                     "for powers of 1024",
                     show(min, sizes, p), show(max, sizes, p)),
        p);
}

const char *chat_config_parse_count(int *pvalue, const char *what,
                                    const char *value, int min, int max,
                                    apr_pool_t *p)
{
    apr_int64_t number;

    if (measure(&number, value, counts, 1) == APR_SUCCESS && number >= min &&
        number <= max) {
        *pvalue = (int)number;
        return NULL;
    }
    return chat_config_refuse(
        what, value,
        apr_psprintf(p,
                     "a whole number from %s to %s; K and M stand for "
                     "thousands and millions",
                     show(min, counts, p), show(max, counts, p)),
        p);
}

const char *chat_config_parse_price(apr_int64_t *pvalue, const char *what,
                                    const char *value, apr_pool_t *p)
{
    *pvalue = chat_price_parse(value, strlen(value), PRICE_DECIMALS);
    if (*pvalue >= 0 && strspn(value, DIGITS) <= PRICE_DIGITS)
        return NULL;
    return chat_config_refuse(what, value,
                              "US dollars for a million tokens, 0 to 999999, "
                              "as in 2.50",
                              p);
}

const char *chat_config_parse_time(apr_interval_time_t *pvalue,
                                   const char *what, const char *value,
                                   apr_interval_time_t min,
                                   apr_interval_time_t max, int off,
                                   apr_pool_t *p)
{
    if (off && strcasecmp(value, "off") == 0) {
        *pvalue = 0;
        return NULL;
    }
    if (measure(pvalue, value, times, APR_USEC_PER_SEC) == APR_SUCCESS &&
        *pvalue >= min && *pvalue <= max)
        return NULL;
    return chat_config_refuse(
        what, value,
        apr_psprintf(p,
                     "a time from %s to %s with the unit us, ms, s, m or h "
                     "(s when there is none)%s",
                     show(min, times, p), show(max, times, p),
                     off ? ", or off" : ""),
        p);
}

const char *chat_config_listed(const char *const *names, apr_pool_t *p)
{
    const char *text = names[0];
    int i;

    for (i = 1; names[i]; i++) {
        text =
            apr_pstrcat(p, text, names[i + 1] ? ", " : " or ", names[i], NULL);
    }
    return text;
}

int chat_config_find(int *pvalue, const char *value, const char *const *names)
{
    int i;

    for (i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            *pvalue = i;
            return 1;
        }
    }
    return 0;
}

const char *chat_config_parse_name(int *pvalue, const char *what,
                                   const char *value, const char *const *names,
                                   apr_pool_t *p)
{
    if (chat_config_find(pvalue, value, names))
        return NULL;
    return chat_config_refuse(what, value, chat_config_listed(names, p), p);
}

const char *chat_config_parse_flag(int *pvalue, const char *what,
                                   const char *value, apr_pool_t *p)
{
    if (strcasecmp(value, "on") == 0)
        *pvalue = 1;
    else if (strcasecmp(value, "off") == 0)
        *pvalue = 0;
    else
        return chat_config_refuse(what, value, "on or off", p);
    return NULL;
}

/* 1..max characters, all of them in set. */
static int made_of(const char *value, const char *set, apr_size_t max)
{
    apr_size_t len = strspn(value, set);

    return len > 0 && len <= max && !value[len];
}

const char *chat_config_parse_word(const char **pout, const char *what,
                                   const char *value, apr_pool_t *p)
{
    *pout = value;
    if (made_of(value, ALNUM "._-", 64))
        return NULL;
    return chat_config_refuse(
        what, value, "a name of 1 to 64 letters, digits, ., _ or -", p);
}

const char *chat_config_parse_model(const char **pout, const char *what,
                                    const char *value, apr_pool_t *p)
{
    *pout = value;
    if (made_of(value, ALNUM "._:/@-", 128))
        return NULL;
    return chat_config_refuse(
        what, value,
        "the name of a model: 1 to 128 letters, digits, ., _, :, /, @ or -", p);
}

const char *chat_config_parse_pattern(const char **pout, const char *what,
                                      const char *value, apr_pool_t *p)
{
    *pout = value;
    if (made_of(value, ALNUM "._:/@*?-", 128))
        return NULL;
    return chat_config_refuse(what, value,
                              "the name of a model, in which * stands for any "
                              "characters and ? for one",
                              p);
}

const char *chat_config_parse_cookie(const char **pout, const char *what,
                                     const char *value, apr_pool_t *p)
{
    *pout = value;
    if (made_of(value, ALNUM "!#$%&'*+-.^_`|~", 128))
        return NULL;
    return chat_config_refuse(what, value,
                              "the name of a cookie: 1 to 128 letters, digits "
                              "or !#$%&'*+-.^_`|~",
                              p);
}

/* The port as browsers write it in an Origin: not when it is the scheme's. */
static const char *origin_port(const char *scheme, const char *port,
                               apr_pool_t *p)
{
    int number;

    if (!port)
        return "";
    if (chat_config_parse_int(&number, "", port, 1, 65535, p) != NULL)
        return NULL;
    if (number == apr_uri_port_of_scheme(scheme))
        return "";
    return apr_psprintf(p, ":%d", number);
}

/*
 * Browsers send origins in lower case and without the scheme's own port, and
 * they are compared byte by byte: so bring them into that form here.
 */
const char *chat_config_parse_origin(const char **pout, const char *what,
                                     const char *value, apr_pool_t *p)
{
    apr_uri_t uri;
    const char *port = NULL;
    char *text = apr_pstrdup(p, value);
    char *c;

    for (c = text; *c; c++)
        *c = (char)apr_tolower(*c);
    if (made_of(text, LETTERS DIGITS "+-.:/[]_", 512) &&
        apr_uri_parse(p, text, &uri) == APR_SUCCESS && uri.scheme &&
        uri.hostname && *uri.hostname && !uri.path)
        port = origin_port(uri.scheme, uri.port_str, p);
    if (!port) {
        return chat_config_refuse(
            what, value,
            "an origin as browsers send it, scheme://host or "
            "scheme://host:port, with no path and no slash at the end",
            p);
    }
    *pout = apr_pstrcat(p, uri.scheme, "://",
                        strchr(uri.hostname, ':') ? "[" : "", uri.hostname,
                        strchr(uri.hostname, ':') ? "]" : "", port, NULL);
    return NULL;
}

/* How often %s stands in sql; -1 when there is any other % than %%. */
static int parameters(const char *sql)
{
    int count = 0;

    for (; (sql = strchr(sql, '%')) != NULL; sql += 2) {
        if (sql[1] == 's')
            count++;
        else if (sql[1] != '%')
            return -1;
    }
    return count;
}

const char *chat_config_parse_sql(const char **pout, const char *what,
                                  const char *value, apr_pool_t *p)
{
    *pout = value;
    if ((strncasecmp(value, "select", 6) == 0 ||
         strncasecmp(value, "with", 4) == 0) &&
        parameters(value) == 1)
        return NULL;
    return chat_config_refuse(
        what, value,
        "a SELECT with exactly one %s, where the token goes (and %% for a "
        "percent sign)",
        p);
}
