/* person.h - one made-up person as JSON. Thread: any. */
#ifndef SOURCE_PEOPLE_PERSON_H
#define SOURCE_PEOPLE_PERSON_H

#include "source/people/people.h"

/* Appends the object of person `number` of the page; now_us is for ages. */
void person_write(const struct people_query *query, uint64_t seed, uint32_t number, int64_t now_us,
                  struct buf *out);

#endif
