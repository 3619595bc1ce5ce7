/*
 * mock.h - readings that come from no hardware: fixed ones, or those of a file (contract 3.3, 5.1).
 *
 * The file is a JSON object that is read at the start of each cycle. Its keys temp_humidity and
 * temp_pressure (degC) and humidity (%RH) are each a number, or an array that is used up in order,
 * its last element for ever; "fail": true, a key that is missing, or a file that cannot be
 * read is a sensor that fails. Without a file: 25, 25 and 40. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_CLIMATE_MOCK_H
#define OUTPOST_TEMP_MONITOR_CLIMATE_MOCK_H

#include <jansson.h>
#include <outpost/base.h>

#define MOCK_FILE_BYTES 65536

enum mock_value { MOCK_TEMP_HUMIDITY, MOCK_TEMP_PRESSURE, MOCK_HUMIDITY, MOCK_VALUES };

struct mock {
	const char *file; /* borrowed; "": none */
	json_t *root;     /* of the file, as it was when last read */
	size_t used[MOCK_VALUES];
	char why[216];
};

/* Reads the file. Negative: the sensor fails, why says how. */
int mock_begin(struct mock *m) OP_MUST_CHECK;
/* The next value of that kind. Negative as above. */
int mock_next(struct mock *m, enum mock_value which, double *ret) OP_MUST_CHECK;
/* Accepts one that never began. */
void mock_finish(struct mock *m);

#endif
