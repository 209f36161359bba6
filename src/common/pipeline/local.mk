# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/pipeline/flows.h src/common/pipeline/flows.c \
	src/common/pipeline/gather.h src/common/pipeline/gather.c \
	src/common/pipeline/keep.h src/common/pipeline/keep.c \
	src/common/pipeline/pipeline.h src/common/pipeline/pipeline.c \
	src/common/pipeline/report.h src/common/pipeline/report.c \
	src/common/pipeline/ring.h src/common/pipeline/ring.c \
	src/common/pipeline/sandbox.h src/common/pipeline/sandbox.c \
	src/common/pipeline/shared.h \
	src/common/pipeline/stage.h src/common/pipeline/stage.c \
	src/common/pipeline/worker.h src/common/pipeline/worker.c
