/* json_schema_fuzz.c - two JSON Schemas, with a line break between them, compared both ways. */
#include "registry/jsoncompat.h"
#include "registry/regtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct str rest, one = str_cut((struct str){(const char *)data, len}, '\n', &rest);
    struct str two = rest.ptr ? rest : one, *why;
    size_t cnt;
    bool sound = !regtext_canon((struct registry_text){REGISTRY_JSON, one}, &arena, &one) &&
                 !regtext_canon((struct registry_text){REGISTRY_JSON, two}, &arena, &two);
    if (sound) {
        CHECK(!jsoncompat_check(one, two, true, &arena, &why, &cnt));
        size_t strict = cnt;
        CHECK(!jsoncompat_check(one, two, false, &arena, &why, &cnt));
        CHECK(cnt <= JSONCOMPAT_WHY_MAX);
        if (!strict) CHECK(!cnt); /* what is fine when strict is fine when not */
        CHECK(!jsoncompat_check(two, one, true, &arena, &why, &cnt));
    }
    arena_fini(&arena);
    return 0;
}
