/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of GetStatus as metrics for monitoring: Prometheus' text form and OpenMetrics. */
#ifndef NC_CONTROL_METRICS_H
#define NC_CONTROL_METRICS_H

#include <jansson.h>

#include "base/buf.h"
#include "control/commands.h"

enum nc_metrics_form {
	NC_METRICS_PROMETHEUS,  /* text exposition format 0.0.4 */
	NC_METRICS_OPENMETRICS, /* OpenMetrics 1.0: nc_metrics_end is needed behind the last one */
};

#define NC_METRICS_PROMETHEUS_TYPE  "text/plain; version=0.0.4; charset=utf-8"
#define NC_METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Appends the metrics of a daemon's status, the object inside of GetStatus' reply. What is missing there or has another type than
 * the table says is left out. */
void nc_metrics_write(enum nc_control_daemon d, json_t *status, enum nc_metrics_form form, struct nc_buf *out);
/* Appends the end mark, where the form has one. */
void nc_metrics_end(enum nc_metrics_form form, struct nc_buf *out);

#endif
