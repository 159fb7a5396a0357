/* cron_fuzz.c - schedules, zones and moments as people write them: "SCHEDULE|ZONE|MOMENT".
 *
 * What is a schedule fires after the moment asked about, at times that rise, each of which is its
 * own next; and what is read as a moment is written and read back the same. */
#include "base/base.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_moment(struct str text, int64_t *us) {
    char written[ORCH_TIME_MAX];
    int64_t again;
    if (orch_time_parse(text, us)) {
        *us = INT64_C(1679788800000000); /* the day before a clock changes */
        return;
    }
    if (*us < INT64_C(-62135596800000000) || *us >= INT64_C(253402300800000000)) return;
    orch_time_format(*us, "Z", written);
    CHECK(!orch_time_parse(str_of(written), &again) && again == *us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct str left = {(const char *)data, len}, zone, when;
    struct str text = str_cut(left, '|', &left);
    struct schedule schedule;
    int64_t us;
    zone = left.ptr ? str_cut(left, '|', &when) : STR("");
    check_moment(left.ptr && when.ptr ? when : STR(""), &us);
    if (!schedule_parse(text, zone, &schedule)) {
        for (int i = 0; i < 4; i++) {
            int64_t next = schedule_next(&schedule, us);
            CHECK(next > us);
            if (next == SCHEDULE_NEVER) break;
            CHECK(schedule_next(&schedule, next - 1) == next);
            CHECK(schedule_last(&schedule, us, next) == next);
            us = next;
        }
    }
    schedule_fini(&schedule);
    return 0;
}
