/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Status as metrics: names, labels, escaping, both forms, and members that are not what they should be. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/metrics.h"

static const char status[] =
	"{\"version\":\"1\\\"\\\\\\n\",\"name\":\"n\",\"uptime_seconds\":7,\"interfaces\":[{\"name\":\"e0\",\"capturing\":true,\"packets\":5,"
	"\"drops\":{\"kernel\":1,\"crash\":2}},{\"name\":\"e1\",\"capturing\":false,\"packets\":\"many\"}],\"spool\":null,"
	"\"error_texts\":{\"a \\\"b\\\"\\n\":3},\"errors\":null,\"stranger\":9}";

static const char *write_as(enum nc_control_daemon d, const char *json, enum nc_metrics_form form, struct nc_buf *out)
{
	json_t *v = json_loads(json, 0, NULL);

	assert_non_null(v);
	nc_buf_reset(out);
	nc_metrics_write(d, v, form, out);
	nc_metrics_end(form, out);
	json_decref(v);
	return nc_buf_cstr(out);
}

static void prometheus(void **state)
{
	struct nc_buf out = { 0 };
	const char *text = write_as(NC_CONTROL_SENSORD, status, NC_METRICS_PROMETHEUS, &out);

	(void)state;
	assert_non_null(
		strstr(text, "# TYPE netcap_sensor_info gauge\nnetcap_sensor_info{version=\"1\\\"\\\\\\n\",name=\"n\"} 1\n"));
	assert_non_null(strstr(text, "# TYPE netcap_sensor_uptime_seconds gauge\nnetcap_sensor_uptime_seconds 7\n"));
	assert_non_null(strstr(text, "# TYPE netcap_sensor_interface_packets_total counter\n"
	                             "netcap_sensor_interface_packets_total{interface=\"e0\"} 5\n#"));
	assert_non_null(strstr(text, "netcap_sensor_interface_capturing{interface=\"e0\"} 1\n"
	                             "netcap_sensor_interface_capturing{interface=\"e1\"} 0\n"));
	assert_non_null(strstr(text, "netcap_sensor_interface_drops_total{interface=\"e0\",cause=\"kernel\"} 1\n"
	                             "netcap_sensor_interface_drops_total{interface=\"e0\",cause=\"crash\"} 2\n"));
	assert_non_null(strstr(text, "netcap_sensor_decoder_errors_total{text=\"a \\\"b\\\"\\n\"} 3\n"));
	assert_null(strstr(text, "stranger"));
	assert_null(strstr(text, "netcap_sensor_errors_total"));
	assert_null(strstr(text, "# EOF"));
	nc_buf_free(&out);
}

static void openmetrics(void **state)
{
	struct nc_buf out = { 0 };
	const char *text = write_as(NC_CONTROL_SENSORD, status, NC_METRICS_OPENMETRICS, &out);

	(void)state;
	assert_non_null(strstr(text, "# TYPE netcap_sensor info\nnetcap_sensor_info{"));
	assert_non_null(strstr(text, "# TYPE netcap_sensor_interface_packets counter\nnetcap_sensor_interface_packets_total{"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	nc_buf_free(&out);
}

static void collector(void **state)
{
	static const char json[] =
		"{\"sensors\":[{\"name\":\"a\",\"last_seen\":\"1970-01-02T00:00:01Z\",\"connected_since\":null,\"rejects\":{\"box\":1}}],"
		"\"store\":{\"folders\":{\"a\":{\"used_bytes\":10,\"stored\":{\"blocks\":2}}},\"failing\":false}}";
	struct nc_buf out = { 0 };
	const char *text = write_as(NC_CONTROL_COLLECTORD, json, NC_METRICS_PROMETHEUS, &out);

	(void)state;
	assert_non_null(strstr(text, "netcap_collector_sensor_last_seen_timestamp_seconds{sensor=\"a\"} 86401\n"));
	assert_null(strstr(text, "connected_since"));
	assert_non_null(strstr(text, "netcap_collector_sensor_rejects_total{sensor=\"a\",reason=\"box\"} 1\n"));
	assert_non_null(strstr(text, "netcap_collector_folder_used_bytes{folder=\"a\"} 10\n"));
	assert_non_null(strstr(text, "netcap_collector_folder_blocks_total{folder=\"a\",fate=\"stored\"} 2\n"));
	assert_non_null(strstr(text, "netcap_collector_store_failing 0\n"));
	assert_string_equal(write_as(NC_CONTROL_COLLECTORD, "{}", NC_METRICS_PROMETHEUS, &out) ? "" : "x", "");
	nc_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus),
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(collector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
