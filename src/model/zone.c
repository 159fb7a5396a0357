/* zone.c - regions through ICU, each opened once and read under a lock.
 *
 * The table only grows, by at most one slot a name of ICU's zone database, and a slot never moves:
 * a struct zone may be kept. */
#include "model/zone.h"

#include <pthread.h>
#include <unicode/ucal.h>

#include "base/err.h"
#include "base/map.h"
#include "model/when.h"

#define ZONE_NAME_MAX 64

struct region {
    pthread_mutex_t lock; /* an UCalendar is set and then asked */
    UCalendar *calendar;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map table;

/* Java's SHORT_IDS, which Spark accepts. */
static const struct {
    const char *name, *means;
} short_id[] = {
    {"ACT", "Australia/Darwin"},   {"AET", "Australia/Sydney"},
    {"AGT", "America/Argentina/Buenos_Aires"},
    {"ART", "Africa/Cairo"},       {"AST", "America/Anchorage"},
    {"BET", "America/Sao_Paulo"},  {"BST", "Asia/Dhaka"},
    {"CAT", "Africa/Harare"},      {"CNT", "America/St_Johns"},
    {"CST", "America/Chicago"},    {"CTT", "Asia/Shanghai"},
    {"EAT", "Africa/Addis_Ababa"}, {"ECT", "Europe/Paris"},
    {"IET", "America/Indiana/Indianapolis"},
    {"IST", "Asia/Kolkata"},       {"JST", "Asia/Tokyo"},
    {"MIT", "Pacific/Apia"},       {"NET", "Asia/Yerevan"},
    {"NST", "Pacific/Auckland"},   {"PLT", "Asia/Karachi"},
    {"PNT", "America/Phoenix"},    {"PRT", "America/Puerto_Rico"},
    {"PST", "America/Los_Angeles"}, {"SST", "Pacific/Guadalcanal"},
    {"VST", "Asia/Ho_Chi_Minh"},   {"EST", "-05:00"},
    {"MST", "-07:00"},             {"HST", "-10:00"},
};

static struct region *region_open(const char *name) {
    UChar wide[ZONE_NAME_MAX + 1], canon[ZONE_NAME_MAX + 1];
    UErrorCode code = U_ZERO_ERROR;
    UBool known = false;
    size_t len = strlen(name);
    for (size_t i = 0; i <= len; i++) wide[i] = (UChar)(unsigned char)name[i];
    ucal_getCanonicalTimeZoneID(wide, (int32_t)len, canon, ZONE_NAME_MAX, &known, &code);
    if (U_FAILURE(code) || !known) return NULL;
    UCalendar *calendar = ucal_open(wide, (int32_t)len, "en_US", UCAL_GREGORIAN, &code);
    if (U_FAILURE(code)) return NULL;
    struct region *region = base_calloc(1, sizeof *region);
    pthread_mutex_init(&region->lock, NULL);
    region->calendar = calendar;
    return region;
}

static struct region *region_find(struct str name) {
    char text[ZONE_NAME_MAX + 1];
    if (!name.len || name.len > ZONE_NAME_MAX) return NULL;
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    pthread_mutex_lock(&table_lock);
    if (!table.seed && !table.cap) map_init(&table);
    struct region *region = map_get(&table, name);
    if (!region && (region = region_open(text))) map_put(&table, name, region);
    pthread_mutex_unlock(&table_lock);
    return region;
}

int zone_find(struct str name, struct zone *out) {
    *out = (struct zone){0, NULL};
    struct str known = name;
    for (size_t i = 0; i < ARRAY_LEN(short_id); i++)
        if (str_eqz(name, short_id[i].name)) known = str_of(short_id[i].means);
    if (when_read_offset(known, &out->offset_sec)) return 0;
    /* ICU alone would also take "EST5EDT" and lower case; Java's regions are exact. */
    out->region = region_find(known);
    if (out->region) return 0;
    return err_fail(ERR_NOT_FOUND, "time zone '%.*s' is not known; for instance UTC, +01:00, "
                    "Europe/Rome", (int)MIN(name.len, (size_t)ZONE_NAME_MAX), name.ptr);
}

/* Seconds from UTC that hold at an instant. */
static int64_t offset_at(const struct zone *zone, int64_t us) {
    if (!zone->region) return zone->offset_sec;
    struct region *region = (struct region *)(uintptr_t)zone->region;
    UErrorCode code = U_ZERO_ERROR;
    pthread_mutex_lock(&region->lock);
    ucal_setMillis(region->calendar, (UDate)(us / 1000 - (us % 1000 < 0)), &code);
    int64_t ms = ucal_get(region->calendar, UCAL_ZONE_OFFSET, &code) +
                 ucal_get(region->calendar, UCAL_DST_OFFSET, &code);
    pthread_mutex_unlock(&region->lock);
    return U_FAILURE(code) ? 0 : ms / 1000;
}

int64_t zone_to_local(const struct zone *zone, int64_t us) {
    int64_t out;
    if (__builtin_add_overflow(us, offset_at(zone, us) * WHEN_SEC, &out)) return us;
    return out;
}

int64_t zone_from_local(const struct zone *zone, int64_t us) {
    if (us > INT64_MAX - 2 * WHEN_DAY || us < INT64_MIN + 2 * WHEN_DAY) return us;
    /* The offsets a day before and after are the candidates; the earlier one is tried first. */
    int64_t before = offset_at(zone, us - WHEN_DAY), after = offset_at(zone, us + WHEN_DAY);
    int64_t early = us - before * WHEN_SEC;
    if (before == after || offset_at(zone, early) == before) return early;
    int64_t late = us - after * WHEN_SEC;
    return offset_at(zone, late) == after ? late : early;
}
