/* cass_doctor.h - can this cluster be used? Makes nothing. */
#ifndef STORE_CASSANDRA_CASS_DOCTOR_H
#define STORE_CASSANDRA_CASS_DOCTOR_H

#include "store/store.h"

void cass_doctor_look(const struct store_conf *conf, const struct finding_to *to);

#endif
