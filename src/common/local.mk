# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libnetcap.a
libnetcap_a_SOURCES =
EXTRA_DIST += src/LAYERS
include src/common/base/local.mk
include src/common/conf/local.mk
include src/common/control/local.mk
include src/common/record/local.mk
include src/common/block/local.mk
include src/common/capture/local.mk
include src/common/decode/local.mk
include src/common/flow/local.mk
include src/common/pipeline/local.mk
include src/common/wire/local.mk
