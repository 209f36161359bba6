# SPDX-License-Identifier: GPL-3.0-or-later
# Written by scripts/gen-decoders: run "make regen", do not edit.
libnetcap_a_SOURCES += \
	src/common/flow/stream/http.c \
	src/common/flow/stream/ssh.c \
	src/common/flow/stream/tls.c
