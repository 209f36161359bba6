# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/record/csv.c \
	src/common/record/format.c src/common/record/format.h \
	src/common/record/json.c \
	src/common/record/ledger.c src/common/record/ledger.h \
	src/common/record/pack.c src/common/record/pack.h \
	src/common/record/plan.h \
	src/common/record/struc.c \
	src/common/record/table.c \
	src/common/record/type.c src/common/record/type.h src/common/record/types.inc \
	src/common/record/valid.c \
	src/common/record/value.c
