/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of record/type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "record/type.h"

/* The table agrees with enum Type and with the messages of the schema, value by value. */
static void table(void **state)
{
	const ProtobufCEnumDescriptor *e = &types__type__descriptor;

	(void)state;
	assert_int_equal(nc_types_count, e->n_values);
	for (size_t i = 0; i < nc_types_count; i++) {
		const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(e, nc_types[i].number);
		assert_non_null(v);
		assert_int_equal(strncmp(v->name, "NC_", 3), 0);
		assert_string_equal(v->name + 3, nc_types[i].name);
		assert_string_equal(nc_types[i].desc->short_name, nc_types[i].name);
		assert_true(i == 0 || nc_types[i - 1].number < nc_types[i].number);
	}
}

static void lookups(void **state)
{
	(void)state;
	for (size_t i = 0; i < nc_types_count; i++) {
		assert_ptr_equal(nc_type_by_number(nc_types[i].number), &nc_types[i]);
		assert_ptr_equal(nc_type_by_name(nc_types[i].name), &nc_types[i]);
		assert_ptr_equal(nc_type_by_desc(nc_types[i].desc), &nc_types[i]);
		assert_int_equal(nc_type_slot(&nc_types[i]), i);
	}
	assert_int_equal(nc_type_by_name("tcp")->number, 38);
	assert_string_equal(nc_type_by_name("tls")->name, "TLSClientHello");
	assert_null(nc_type_by_number(87));
	assert_null(nc_type_by_number(999));
	assert_null(nc_type_by_number(UINT32_MAX));
	assert_null(nc_type_by_name(""));
	assert_null(nc_type_by_name("TC"));
	assert_null(nc_type_by_name("NC_TCP"));
	assert_null(nc_type_by_desc(&types__lsa__descriptor));
	assert_null(nc_type_by_desc(NULL));
}

static void nearest(void **state)
{
	(void)state;
	assert_string_equal(nc_type_nearest("TPC"), "TCP");
	assert_string_equal(nc_type_nearest("ethernt"), "Ethernet");
	assert_null(nc_type_nearest("zzzzzzzz"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(lookups),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
