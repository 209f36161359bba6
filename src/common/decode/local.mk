# SPDX-License-Identifier: GPL-3.0-or-later
# proto.mk lists the decoders; scripts/regen writes it and decoders.c from the folder proto/.
libnetcap_a_SOURCES += \
	src/common/decode/cooked.h \
	src/common/decode/cut.h \
	src/common/decode/decode.h \
	src/common/decode/decoders.c \
	src/common/decode/emit.c \
	src/common/decode/engine.h src/common/decode/engine.c \
	src/common/decode/entropy.h src/common/decode/entropy.c \
	src/common/decode/inner.h src/common/decode/inner.c \
	src/common/decode/ndopt.h src/common/decode/ndopt.c \
	src/common/decode/ospf.h src/common/decode/ospf.c src/common/decode/lsa.c \
	src/common/decode/private.h \
	src/common/decode/sub.h src/common/decode/sub.c \
	src/common/decode/tlv.h src/common/decode/tlv.c \
	src/common/decode/tunnel.h
include src/common/decode/proto.mk
