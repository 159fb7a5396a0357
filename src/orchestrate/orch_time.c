/* orch_time.c - ISO 8601 by the proleptic Gregorian calendar, years 1 to 9999. */
#include "orchestrate/orch_time.h"

#include "base/err.h"
#include "model/when.h"

#include <stdio.h>

void orch_time_format(int64_t us, const char *zone, char out[ORCH_TIME_MAX]) {
    int64_t left, days = when_floor_day(us, &left), sec = left / WHEN_SEC;
    struct when_civil at = when_civil(days);
    char part[16] = "";
    if (left % WHEN_SEC) snprintf(part, sizeof part, ".%06u", (unsigned)(left % WHEN_SEC));
    snprintf(out, ORCH_TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02u%s%s",
             (unsigned)(at.year % 10000), (unsigned)at.month % 100, (unsigned)at.day % 100,
             (unsigned)(sec / 3600) % 100, (unsigned)(sec / 60 % 60), (unsigned)(sec % 60), part,
             zone);
}

int orch_time_parse(struct str text, int64_t *us) {
    if (when_read_timestamp(text, us, NULL)) return 0;
    return err_fail(ERR_INVAL, "'%.*s' is not a time; write for instance 2026-01-31T12:00:00Z",
                    STR_ARG(text));
}
