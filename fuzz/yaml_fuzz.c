/* yaml_fuzz.c - any bytes as a YAML file: a tree or mistakes with places inside the file. */
#include "pipeline/ynode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const struct ynode *node) {
    size_t all = 1;
    for (size_t i = 0; i < node->cnt; i++) {
        all += count(&node->item[i]);
        if (node->kind == YNODE_MAP) CHECK(node->key[i].kind == YNODE_SCALAR);
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_INIT;
    struct report report;
    struct ynode root;
    struct buf text;
    report_init(&report);
    buf_init(&text, 64 * MIB);
    struct str source = {(const char *)data, size};
    int err = ynode_parse(STR("f.yml"), source, &arena, &report, &root);
    CHECK(!err == !report.cnt);
    if (!err) CHECK(count(&root) <= YNODE_MAX + 1);
    report_text(&report, false, &text);
    buf_fini(&text);
    report_fini(&report);
    arena_fini(&arena);
    return 0;
}
