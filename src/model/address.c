/* address.c - taking a tier's URL apart. */
#include "model/address.h"

#include "base/err.h"

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

struct str address_decode(struct str text, struct arena *arena) {
    char *to = arena_bytes(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool pair = text.ptr[i] == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
                    hex(text.ptr[i + 2]) >= 0;
        to[len++] = pair ? (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2])) : text.ptr[i];
        if (pair) i += 2;
    }
    to[len] = 0;
    return (struct str){to, len};
}

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.' || c == '~';
}

struct str address_encode(struct str text, struct arena *arena) {
    static const char digit[] = "0123456789ABCDEF";
    char *to = arena_bytes(arena, 3 * text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (is_plain(text.ptr[i])) {
            to[len++] = text.ptr[i];
            continue;
        }
        to[len++] = '%';
        to[len++] = digit[byte >> 4];
        to[len++] = digit[byte & 15];
    }
    to[len] = 0;
    return (struct str){to, len};
}

static void read_query(struct str text, struct arena *arena, struct address_url *out) {
    size_t max = ADDRESS_PROPERTY_MAX;
    struct address_property *all = arena_array(arena, struct address_property, max);
    while (text.ptr && out->query_cnt < max) {
        struct str value, pair = str_cut(text, '&', &text);
        struct str name = str_cut(pair, '=', &value);
        if (!name.len) continue;
        all[out->query_cnt++] = (struct address_property){
            address_decode(name, arena), address_decode(value.ptr ? value : STR(""), arena)};
    }
    out->query = all;
}

int address_parse(struct str url, struct arena *arena, struct address_url *out) {
    struct str rest, query, user = STR_NULL, password;
    *out = (struct address_url){.scheme = str_cut(url, ':', &rest), .path = STR("")};
    if (!rest.ptr || !str_starts(rest, STR("//")))
        return err_fail(ERR_CONFIG, "'%.*s' is no address: scheme://host:port is",
                        STR_ARG(url));
    rest = (struct str){rest.ptr + 2, rest.len - 2};
    rest = str_cut(rest, '?', &query);
    struct str hosts = str_cut(rest, '/', &out->path);
    if (!out->path.ptr) out->path = STR("");
    out->path = address_decode(out->path, arena);
    const char *at = memrchr(hosts.ptr, '@', hosts.len);
    if (at) {
        user = (struct str){hosts.ptr, (size_t)(at - hosts.ptr)};
        hosts = (struct str){at + 1, (size_t)(hosts.ptr + hosts.len - at - 1)};
    }
    out->hosts = hosts;
    if (user.ptr) {
        user = str_cut(user, ':', &password);
        out->user = address_decode(user, arena);
        if (password.ptr) out->password = address_decode(password, arena);
    }
    read_query(query, arena, out);
    if (hosts.len) return 0;
    return err_fail(ERR_CONFIG, "'%.*s' names no host", STR_ARG(url));
}

struct str address_value(const struct address_property *property, size_t cnt, const char *name) {
    for (size_t i = 0; i < cnt; i++)
        if (str_eqz(property[i].name, name)) return property[i].value;
    return STR_NULL;
}
