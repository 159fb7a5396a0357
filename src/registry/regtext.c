/* regtext.c - schema texts, checked and laid flat. */
#include "registry/regtext.h"

#include "registry/jsoncompat.h"
#include "wire/json/json.h"

/* Copies JSON without the white space between its tokens; numbers and strings stay as they are. */
static struct str squeeze(struct str text, struct arena *arena) {
    char *to = arena_bytes(arena, text.len + 1);
    size_t len = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
        to[len++] = c;
        if (quoted && c == '\\' && i + 1 < text.len) to[len++] = text.ptr[++i];
        else if (c == '"') quoted = !quoted;
    }
    to[len] = 0;
    return (struct str){to, len};
}

int regtext_canon(struct registry_text text, struct arena *arena, struct str *out) {
    if (text.kind == REGISTRY_PROTOBUF)
        return registry_fail(ERR_UNSUPPORTED, 42201, "Protobuf schemas are not taken yet; "
                             "JSON and AVRO are");
    struct json_value root = {0};
    int err = json_whole(text.text, &root);
    if (!err && text.kind == REGISTRY_JSON) err = jsoncompat_valid(text.text);
    bool avro = root.kind == JSON_STRING || root.kind == JSON_OBJECT || root.kind == JSON_ARRAY;
    if (!err && text.kind == REGISTRY_AVRO && !avro)
        err = err_fail(ERR_INVAL, "an Avro schema is a name, a record or a list");
    if (err)
        return registry_fail(ERR_INVAL, 42201, "not a valid %s schema: %s",
                             registry_kind_name(text.kind), err_note());
    *out = squeeze(text.text, arena);
    return 0;
}

bool regtext_kind(struct str name, enum registry_kind *out) {
    *out = REGISTRY_AVRO;
    if (!name.len) return true;
    for (int kind = REGISTRY_AVRO; kind <= REGISTRY_PROTOBUF; kind++) {
        if (!str_ieq(name, str_of(registry_kind_name((enum registry_kind)kind)))) continue;
        *out = (enum registry_kind)kind;
        return true;
    }
    return false;
}
