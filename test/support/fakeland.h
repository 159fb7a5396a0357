/* fakeland.h - a landing database in memory, for simulations of what stands on it.
 *
 * Included by one test program, it takes the place of the library's landing_*(): runs, tries and
 * settings only. A transaction is applied as a whole at its commit or not at all. The test says
 * when commits fail, and counts what was committed. */
#ifndef FAKELAND_H
#define FAKELAND_H

#include "base/err.h"
#include "base/map.h"
#include "landing/landing.h"

#include <stdio.h>
#include <stdlib.h>

struct fakeland_run {
    struct run run;
    struct run_try *run_try; /* by number within a task, as they came */
    size_t try_cnt, try_cap;
};
enum fakeland_kind { FAKELAND_RUN, FAKELAND_TRY, FAKELAND_SETTING };
struct fakeland_op {
    enum fakeland_kind kind;
    struct run run;
    struct run_try run_try;
    struct str name, value;
};
struct landing {
    struct arena arena;
    struct map run_of; /* "dag/id" -> struct fakeland_run */
    struct fakeland_run **run;
    size_t run_cnt, run_cap;
    struct map setting; /* name -> struct str */
    int fail;           /* so many commits fail; below 0: all */
    size_t commit_cnt, tx_cnt;
    void (*watch)(void *arg, const struct run *run); /* each run that is committed */
    void *watch_arg;
};
struct landing_tx {
    struct landing *landing;
    struct arena arena;
    struct fakeland_op *op;
    size_t cnt, cap;
};

static struct landing *fakeland_new(void) {
    struct landing *landing = base_calloc(1, sizeof *landing);
    map_init(&landing->run_of);
    map_init(&landing->setting);
    return landing;
}

static void fakeland_free(struct landing *landing) {
    for (size_t i = 0; i < landing->run_cnt; i++) base_free(landing->run[i]->run_try);
    base_free(landing->run);
    map_fini(&landing->run_of);
    map_fini(&landing->setting);
    arena_fini(&landing->arena);
    base_free(landing);
}

static struct str fakeland_key(struct str dag, struct str id, char out[600]) {
    int len = snprintf(out, 600, "%.*s/%.*s", STR_ARG(dag), STR_ARG(id));
    return (struct str){out, (size_t)len};
}

static struct fakeland_run *fakeland_find(const struct landing *landing, struct str dag,
                                          struct str id) {
    char key[600];
    return map_get(&landing->run_of, fakeland_key(dag, id, key));
}

/* ---- writing ---- */

int landing_begin(struct landing *landing, struct landing_tx **out) {
    *out = base_calloc(1, sizeof **out);
    (*out)->landing = landing;
    landing->tx_cnt++;
    return 0;
}

static struct fakeland_op *fakeland_op(struct landing_tx *tx, enum fakeland_kind kind) {
    if (tx->cnt == tx->cap) {
        tx->cap = tx->cap ? tx->cap * 2 : 4;
        tx->op = base_realloc(tx->op, tx->cap * sizeof *tx->op);
    }
    tx->op[tx->cnt] = (struct fakeland_op){.kind = kind};
    return &tx->op[tx->cnt++];
}

static struct run fakeland_copy_run(struct arena *arena, const struct run *run) {
    struct run out = *run;
    out.dag = arena_str(arena, run->dag);
    out.id = arena_str(arena, run->id);
    out.by = arena_str(arena, run->by);
    out.note = arena_str(arena, run->note);
    return out;
}

static struct run_try fakeland_copy_try(struct arena *arena, const struct run_try *run_try) {
    struct run_try out = *run_try;
    out.dag = arena_str(arena, run_try->dag);
    out.run = arena_str(arena, run_try->run);
    out.task = arena_str(arena, run_try->task);
    out.log = arena_str(arena, run_try->log);
    return out;
}

int landing_put_run(struct landing_tx *tx, const struct run *run) {
    fakeland_op(tx, FAKELAND_RUN)->run = fakeland_copy_run(&tx->arena, run);
    return 0;
}

int landing_put_try(struct landing_tx *tx, const struct run_try *run_try) {
    fakeland_op(tx, FAKELAND_TRY)->run_try = fakeland_copy_try(&tx->arena, run_try);
    return 0;
}

int landing_put_setting(struct landing_tx *tx, struct str name, struct str value) {
    struct fakeland_op *op = fakeland_op(tx, FAKELAND_SETTING);
    op->name = arena_str(&tx->arena, name);
    op->value = arena_str(&tx->arena, value);
    return 0;
}

/* It keeps all runs: nothing here lasts so long. */
int landing_trim_runs(struct landing_tx *tx UNUSED, struct str dag UNUSED, size_t newest,
                      size_t max) {
    assert(newest && max);
    return 0;
}

static void fakeland_apply_run(struct landing *landing, const struct run *run) {
    char key[600];
    struct fakeland_run *to = fakeland_find(landing, run->dag, run->id);
    if (to) { /* texts of the identity stay */
        to->run.state = run->state;
        to->run.start_us = run->start_us;
        to->run.end_us = run->end_us;
        if (!str_eq(to->run.note, run->note))
            to->run.note = arena_str(&landing->arena, run->note);
    } else {
        to = arena_new(&landing->arena, struct fakeland_run);
        to->run = fakeland_copy_run(&landing->arena, run);
        map_put(&landing->run_of, fakeland_key(run->dag, run->id, key), to);
        if (landing->run_cnt == landing->run_cap) {
            landing->run_cap = landing->run_cap ? landing->run_cap * 2 : 64;
            landing->run = base_realloc(landing->run, landing->run_cap * sizeof *landing->run);
        }
        landing->run[landing->run_cnt++] = to;
    }
    if (landing->watch) landing->watch(landing->watch_arg, &to->run);
}

static void fakeland_apply_try(struct landing *landing, const struct run_try *run_try) {
    struct fakeland_run *to = fakeland_find(landing, run_try->dag, run_try->run);
    CHECK(to); /* a try without its run */
    for (size_t i = 0; i < to->try_cnt; i++) {
        struct run_try *old = &to->run_try[i];
        if (old->number != run_try->number || !str_eq(old->task, run_try->task)) continue;
        *old = fakeland_copy_try(&landing->arena, run_try);
        return;
    }
    if (to->try_cnt == to->try_cap) {
        to->try_cap = to->try_cap ? to->try_cap * 2 : 2;
        to->run_try = base_realloc(to->run_try, to->try_cap * sizeof *to->run_try);
    }
    to->run_try[to->try_cnt++] = fakeland_copy_try(&landing->arena, run_try);
}

void landing_abort(struct landing_tx *tx) {
    if (!tx) return;
    arena_fini(&tx->arena);
    base_free(tx->op);
    base_free(tx);
}

int landing_commit(struct landing_tx *tx) {
    struct landing *landing = tx->landing;
    bool fails = landing->fail != 0;
    if (landing->fail > 0) landing->fail--;
    for (size_t i = 0; i < tx->cnt && !fails; i++) {
        const struct fakeland_op *op = &tx->op[i];
        if (op->kind == FAKELAND_RUN) fakeland_apply_run(landing, &op->run);
        if (op->kind == FAKELAND_TRY) fakeland_apply_try(landing, &op->run_try);
        if (op->kind != FAKELAND_SETTING) continue;
        struct str *value = arena_new(&landing->arena, struct str);
        *value = arena_str(&landing->arena, op->value);
        map_put(&landing->setting, op->name, value);
    }
    landing->commit_cnt += !fails;
    landing_abort(tx);
    return fails ? err_fail(ERR_IO, "the disk is in flames") : 0;
}

/* ---- looking ---- */

int landing_setting(struct landing *landing, struct str name, struct arena *arena,
                    struct str *out) {
    struct str *value = map_get(&landing->setting, name);
    if (!value) return err_fail(ERR_NOT_FOUND, "no setting %.*s", STR_ARG(name));
    *out = arena_str(arena, *value);
    return 0;
}

static int fakeland_newest_first(const void *a, const void *b) {
    const struct run *one = a, *other = b;
    if (one->logical_us != other->logical_us) return one->logical_us < other->logical_us ? 1 : -1;
    return str_cmp(other->id, one->id);
}

int landing_runs(struct landing *landing, struct str dag, struct landing_page page,
                 struct arena *arena, struct run **out, size_t *cnt) {
    struct run *run = arena_array(arena, struct run, landing->run_cnt);
    size_t all = 0;
    for (size_t i = 0; i < landing->run_cnt; i++)
        if (!dag.ptr || str_eq(dag, landing->run[i]->run.dag)) run[all++] = landing->run[i]->run;
    if (all) qsort(run, all, sizeof *run, fakeland_newest_first);
    *out = run + MIN(page.skip, all);
    *cnt = MIN(page.limit, all - MIN(page.skip, all));
    return 0;
}

int landing_run(struct landing *landing, struct str dag, struct str id, struct arena *arena,
                struct run *out) {
    struct fakeland_run *found = fakeland_find(landing, dag, id);
    if (!found) return err_fail(ERR_NOT_FOUND, "no run %.*s", STR_ARG(id));
    *out = fakeland_copy_run(arena, &found->run);
    return 0;
}

int landing_tries(struct landing *landing, struct str dag, struct str run, struct arena *arena,
                  struct run_try **out, size_t *cnt) {
    struct fakeland_run *found = fakeland_find(landing, dag, run);
    *cnt = found ? found->try_cnt : 0;
    *out = arena_array(arena, struct run_try, *cnt + 1);
    for (size_t i = 0; i < *cnt; i++) (*out)[i] = fakeland_copy_try(arena, &found->run_try[i]);
    return 0;
}

#endif
