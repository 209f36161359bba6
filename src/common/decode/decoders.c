/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of decoders. Written by scripts/gen-decoders from the folder: run "make regen", do not edit. */
#include "decode/decode.h"

extern const struct nc_decoder nc_decoder_arp;
extern const struct nc_decoder nc_decoder_bfd;
extern const struct nc_decoder nc_decoder_cdp;
extern const struct nc_decoder nc_decoder_chdlc;
extern const struct nc_decoder nc_decoder_dhcpv4;
extern const struct nc_decoder nc_decoder_dhcpv6;
extern const struct nc_decoder nc_decoder_dns;
extern const struct nc_decoder nc_decoder_dot11;
extern const struct nc_decoder nc_decoder_dot1q;
extern const struct nc_decoder nc_decoder_eap;
extern const struct nc_decoder nc_decoder_eapol;
extern const struct nc_decoder nc_decoder_eapolkey;
extern const struct nc_decoder nc_decoder_erspan;
extern const struct nc_decoder nc_decoder_ethernet;
extern const struct nc_decoder nc_decoder_ethernetctp;
extern const struct nc_decoder nc_decoder_ethernetctpreply;
extern const struct nc_decoder nc_decoder_fddi;
extern const struct nc_decoder nc_decoder_framerelay;
extern const struct nc_decoder nc_decoder_geneve;
extern const struct nc_decoder nc_decoder_gre;
extern const struct nc_decoder nc_decoder_gtp;
extern const struct nc_decoder nc_decoder_icmpv4;
extern const struct nc_decoder nc_decoder_icmpv6;
extern const struct nc_decoder nc_decoder_icmpv6echo;
extern const struct nc_decoder nc_decoder_icmpv6na;
extern const struct nc_decoder nc_decoder_icmpv6ns;
extern const struct nc_decoder nc_decoder_icmpv6ra;
extern const struct nc_decoder nc_decoder_icmpv6rs;
extern const struct nc_decoder nc_decoder_igmp;
extern const struct nc_decoder nc_decoder_ipip;
extern const struct nc_decoder nc_decoder_ipsecah;
extern const struct nc_decoder nc_decoder_ipsecesp;
extern const struct nc_decoder nc_decoder_ipv4;
extern const struct nc_decoder nc_decoder_ipv6;
extern const struct nc_decoder nc_decoder_ipv6dest;
extern const struct nc_decoder nc_decoder_ipv6fragment;
extern const struct nc_decoder nc_decoder_ipv6hopbyhop;
extern const struct nc_decoder nc_decoder_ipv6routing;
extern const struct nc_decoder nc_decoder_l2tp;
extern const struct nc_decoder nc_decoder_lcm;
extern const struct nc_decoder nc_decoder_llc;
extern const struct nc_decoder nc_decoder_lldp;
extern const struct nc_decoder nc_decoder_modbustcp;
extern const struct nc_decoder nc_decoder_mpls;
extern const struct nc_decoder nc_decoder_nortel;
extern const struct nc_decoder nc_decoder_ntp;
extern const struct nc_decoder nc_decoder_null;
extern const struct nc_decoder nc_decoder_ospfv2;
extern const struct nc_decoder nc_decoder_ospfv3;
extern const struct nc_decoder nc_decoder_ppi;
extern const struct nc_decoder nc_decoder_ppp;
extern const struct nc_decoder nc_decoder_pppoe;
extern const struct nc_decoder nc_decoder_prism;
extern const struct nc_decoder nc_decoder_radiotap;
extern const struct nc_decoder nc_decoder_raw;
extern const struct nc_decoder nc_decoder_sctp;
extern const struct nc_decoder nc_decoder_sip;
extern const struct nc_decoder nc_decoder_sll;
extern const struct nc_decoder nc_decoder_sll2;
extern const struct nc_decoder nc_decoder_snap;
extern const struct nc_decoder nc_decoder_tcp;
extern const struct nc_decoder nc_decoder_teredo;
extern const struct nc_decoder nc_decoder_tokenring;
extern const struct nc_decoder nc_decoder_udp;
extern const struct nc_decoder nc_decoder_usb;
extern const struct nc_decoder nc_decoder_usbpcap;
extern const struct nc_decoder nc_decoder_usbsetup;
extern const struct nc_decoder nc_decoder_vrrpv2;
extern const struct nc_decoder nc_decoder_vxlan;

const struct nc_decoder *const nc_decoders[] = {
	&nc_decoder_arp,
	&nc_decoder_bfd,
	&nc_decoder_cdp,
	&nc_decoder_chdlc,
	&nc_decoder_dhcpv4,
	&nc_decoder_dhcpv6,
	&nc_decoder_dns,
	&nc_decoder_dot11,
	&nc_decoder_dot1q,
	&nc_decoder_eap,
	&nc_decoder_eapol,
	&nc_decoder_eapolkey,
	&nc_decoder_erspan,
	&nc_decoder_ethernet,
	&nc_decoder_ethernetctp,
	&nc_decoder_ethernetctpreply,
	&nc_decoder_fddi,
	&nc_decoder_framerelay,
	&nc_decoder_geneve,
	&nc_decoder_gre,
	&nc_decoder_gtp,
	&nc_decoder_icmpv4,
	&nc_decoder_icmpv6,
	&nc_decoder_icmpv6echo,
	&nc_decoder_icmpv6na,
	&nc_decoder_icmpv6ns,
	&nc_decoder_icmpv6ra,
	&nc_decoder_icmpv6rs,
	&nc_decoder_igmp,
	&nc_decoder_ipip,
	&nc_decoder_ipsecah,
	&nc_decoder_ipsecesp,
	&nc_decoder_ipv4,
	&nc_decoder_ipv6,
	&nc_decoder_ipv6dest,
	&nc_decoder_ipv6fragment,
	&nc_decoder_ipv6hopbyhop,
	&nc_decoder_ipv6routing,
	&nc_decoder_l2tp,
	&nc_decoder_lcm,
	&nc_decoder_llc,
	&nc_decoder_lldp,
	&nc_decoder_modbustcp,
	&nc_decoder_mpls,
	&nc_decoder_nortel,
	&nc_decoder_ntp,
	&nc_decoder_null,
	&nc_decoder_ospfv2,
	&nc_decoder_ospfv3,
	&nc_decoder_ppi,
	&nc_decoder_ppp,
	&nc_decoder_pppoe,
	&nc_decoder_prism,
	&nc_decoder_radiotap,
	&nc_decoder_raw,
	&nc_decoder_sctp,
	&nc_decoder_sip,
	&nc_decoder_sll,
	&nc_decoder_sll2,
	&nc_decoder_snap,
	&nc_decoder_tcp,
	&nc_decoder_teredo,
	&nc_decoder_tokenring,
	&nc_decoder_udp,
	&nc_decoder_usb,
	&nc_decoder_usbpcap,
	&nc_decoder_usbsetup,
	&nc_decoder_vrrpv2,
	&nc_decoder_vxlan,
	NULL,
};
const size_t nc_decoders_count = sizeof(nc_decoders) / sizeof(nc_decoders[0]) - 1;

_Static_assert(sizeof(nc_decoders) / sizeof(nc_decoders[0]) - 1 <= NC_DECODERS_MAX, "more decoders than counters");
