# SPDX-License-Identifier: GPL-3.0-or-later
# Written by scripts/gen-decoders: run "make regen", do not edit.
libnetcap_a_SOURCES += \
	src/common/decode/proto/arp.c \
	src/common/decode/proto/dns.c \
	src/common/decode/proto/dot1q.c \
	src/common/decode/proto/erspan.c \
	src/common/decode/proto/ethernet.c \
	src/common/decode/proto/ethernetctp.c \
	src/common/decode/proto/ethernetctpreply.c \
	src/common/decode/proto/geneve.c \
	src/common/decode/proto/gre.c \
	src/common/decode/proto/icmpv4.c \
	src/common/decode/proto/icmpv6.c \
	src/common/decode/proto/icmpv6echo.c \
	src/common/decode/proto/icmpv6na.c \
	src/common/decode/proto/icmpv6ns.c \
	src/common/decode/proto/icmpv6ra.c \
	src/common/decode/proto/icmpv6rs.c \
	src/common/decode/proto/ipip.c \
	src/common/decode/proto/ipsecah.c \
	src/common/decode/proto/ipsecesp.c \
	src/common/decode/proto/ipv4.c \
	src/common/decode/proto/ipv6.c \
	src/common/decode/proto/ipv6dest.c \
	src/common/decode/proto/ipv6fragment.c \
	src/common/decode/proto/ipv6hopbyhop.c \
	src/common/decode/proto/ipv6routing.c \
	src/common/decode/proto/llc.c \
	src/common/decode/proto/mpls.c \
	src/common/decode/proto/null.c \
	src/common/decode/proto/ppp.c \
	src/common/decode/proto/pppoe.c \
	src/common/decode/proto/raw.c \
	src/common/decode/proto/sll.c \
	src/common/decode/proto/sll2.c \
	src/common/decode/proto/snap.c \
	src/common/decode/proto/tcp.c \
	src/common/decode/proto/udp.c \
	src/common/decode/proto/vxlan.c
