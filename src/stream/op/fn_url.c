/* fn_url.c - parse_url(), by RFC 3986 as java.net.URI reads it. */
#include "stream/op/chars.h"
#include "stream/op/func_table.h"

/* The parts of a URL; ptr NULL: it is not there. */
struct url {
    struct str scheme, authority, user, host, path, query, fragment, file;
};

static bool hex(char c) {
    return (unsigned char)(c - '0') < 10 || (unsigned char)((c | 0x20) - 'a') < 6;
}

/* No blanks, controls, quotes or brackets, and a % only before two hexadecimal digits. */
static bool clean(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`{|}", c)) return false;
        if (c != '%') continue;
        if (text.len - i < 3 || !hex(text.ptr[i + 1]) || !hex(text.ptr[i + 2])) return false;
    }
    return true;
}

/* The text up to the first of `stops`, cut off *in. */
static struct str upto(struct str *in, const char *stops) {
    size_t len = 0;
    while (len < in->len && !strchr(stops, in->ptr[len])) len++;
    struct str head = {in->ptr, len};
    in->ptr += len, in->len -= len;
    return head;
}

static bool take(struct str *in, const char *text) {
    if (!str_starts(*in, str_of(text))) return false;
    in->ptr += strlen(text), in->len -= strlen(text);
    return true;
}

/* Letters, digits, dots and hyphens, or an address in brackets; Java knows no other host. */
static bool host_good(struct str host) {
    if (host.len && host.ptr[0] == '[') return host.ptr[host.len - 1] == ']';
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool word = (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;
        if (!word && c != '.' && c != '-') return false;
    }
    return host.len > 0;
}

static void split_authority(struct url *url) {
    struct str rest = url->authority;
    const char *at = memchr(rest.ptr, '@', rest.len);
    struct str user = STR_NULL;
    if (at) {
        user = (struct str){rest.ptr, (size_t)(at - rest.ptr)};
        rest = (struct str){at + 1, rest.len - user.len - 1};
    }
    const char *close = rest.len && rest.ptr[0] == '[' ? memchr(rest.ptr, ']', rest.len) : NULL;
    struct str host = rest;
    if (close) host.len = (size_t)(close - rest.ptr) + 1;
    else host = upto(&rest, ":");
    if (!host_good(host)) return;
    url->host = host;
    url->user = user;
}

static bool scheme_good(struct str scheme) {
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.ptr[i];
        bool letter = (unsigned char)((c | 0x20) - 'a') < 26;
        if (!letter && (!i || !strchr("0123456789+-.", c))) return false;
    }
    return scheme.len > 0;
}

static bool parse(struct str text, struct url *url) {
    *url = (struct url){0};
    if (!clean(text)) return false;
    struct str in = text, head = upto(&in, ":/?#");
    if (in.len && in.ptr[0] == ':') {
        if (!scheme_good(head)) return false;
        url->scheme = head;
        in.ptr++, in.len--;
        if (!in.len) return false; /* nothing after the scheme */
    } else {
        in = text;
    }
    if (take(&in, "//")) {
        url->authority = upto(&in, "/?#");
        if (!url->authority.len && !in.len) return false;
        if (url->authority.len) split_authority(url);
        else url->authority = STR_NULL;
    } else if (url->scheme.ptr && (!in.len || in.ptr[0] != '/')) {
        upto(&in, "#"); /* opaque, as mailto:x: no path, no query */
        if (take(&in, "#")) url->fragment = in;
        return true;
    }
    url->file = in;
    url->path = upto(&in, "?#");
    if (take(&in, "?")) url->query = upto(&in, "#");
    url->file.len -= in.len;
    if (take(&in, "#")) url->fragment = in;
    return true;
}

static struct str query_value(struct str query, struct str key) {
    struct str pair, rest = query;
    while (rest.ptr) {
        pair = str_cut(rest, '&', &rest);
        if (pair.len > key.len && str_starts(pair, key) && pair.ptr[key.len] == '=')
            return (struct str){pair.ptr + key.len + 1, pair.len - key.len - 1};
    }
    return STR_NULL;
}

static struct str part_of(const struct url *url, struct str part) {
    if (str_eqz(part, "HOST")) return url->host;
    if (str_eqz(part, "PATH")) return url->path;
    if (str_eqz(part, "QUERY")) return url->query;
    if (str_eqz(part, "REF")) return url->fragment;
    if (str_eqz(part, "PROTOCOL")) return url->scheme;
    if (str_eqz(part, "FILE")) return url->file;
    if (str_eqz(part, "AUTHORITY")) return url->authority;
    if (str_eqz(part, "USERINFO")) return url->user;
    return STR_NULL;
}

EVAL(eval_parse_url) {
    FUNC_EACH(ctx, row) {
        struct url url;
        struct str text = func_str(arg[0], row), part = func_str(arg[1], row);
        bool key = ctx->arg_cnt > 2;
        if (!parse(text, &url)) {
            func_error(ctx, row, "[INVALID_URL] '%.*s' is no URL; try_parse_url makes it NULL",
                       (int)MIN(text.len, (size_t)200), text.ptr);
            continue;
        }
        out->str[row] = part_of(&url, part);
        if (key) {
            bool query = str_eqz(part, "QUERY") && url.query.ptr;
            out->str[row] = query ? query_value(url.query, func_str(arg[2], row)) : STR_NULL;
        }
        if (!out->str[row].ptr) func_null(ctx, out, row);
    }
    return 0;
}

const struct func fn_url[] = {
    {"parse_url", "sss?:s", eval_parse_url, 0, NULL, NULL},
    {"try_parse_url", "sss?:s", eval_parse_url, FUNC_TRY, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
