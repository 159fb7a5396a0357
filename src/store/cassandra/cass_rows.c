/* cass_rows.c - steps over rows. */
#include "store/cassandra/cass_rows.h"

#include "base/err.h"

int cass_rows_open(struct cass_rows *rows, const struct cass_answer *answer,
                   struct arena *arena) {
    struct cqlreply_result result;
    int err = cqlreply_result(answer->body, answer->version, arena, &result);
    if (err) return err;
    if (result.kind != CQLREPLY_ROWS || !result.rows.col)
        return err_fail(ERR_CORRUPT, "a server answered a SELECT without rows");
    *rows = (struct cass_rows){.rows = result.rows, .left = result.rows.row_cnt};
    rows->cell = arena_array(arena, struct str, result.rows.col_cnt + 1);
    return 0;
}

bool cass_rows_next(struct cass_rows *rows, int *err) {
    if (!rows->left) return false;
    rows->left--;
    for (size_t i = 0; i < rows->rows.col_cnt; i++)
        rows->cell[i] = cqlreply_cell(&rows->rows);
    if (!rows->rows.in.bad) return true;
    *err = err_fail(ERR_TRUNC, "a server's rows are cut short");
    return false;
}

struct str cass_rows_get(const struct cass_rows *rows, const char *name) {
    for (size_t i = 0; i < rows->rows.col_cnt; i++)
        if (str_eqz(rows->rows.col[i].name, name)) return rows->cell[i];
    return STR_NULL;
}

int32_t cass_rows_int(const struct cass_rows *rows, const char *name) {
    struct rbuf in = rbuf_of_str(cass_rows_get(rows, name));
    int32_t n = rbuf_i32(&in);
    return in.bad ? 0 : n;
}
