# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += src/common/wire/keys.h src/common/wire/keys.c src/common/wire/credential.h src/common/wire/credential.c src/common/wire/keyring.h src/common/wire/keyring.c src/common/wire/datagram.h src/common/wire/datagram.c \
	src/common/wire/frame.h src/common/wire/frame.c src/common/wire/noise.h src/common/wire/noise.c src/common/wire/replay.c src/common/wire/session.h src/common/wire/session.c
