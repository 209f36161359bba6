/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What names a flow: the hashes of address pairs, the names of protocols, and the applications that ports stand for. */
#include "flow/ident.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/text.h"
#include "decode/decode.h"
#include "flow/stream.h"

enum nc_flow_kind nc_ident_kind(const ProtobufCMessageDescriptor *d)
{
	static const ProtobufCMessageDescriptor *const kinds[NC_FLOW_KINDS] = {
		[NC_FLOW_FLOW] = &types__flow__descriptor,
		[NC_FLOW_CONNECTION] = &types__connection__descriptor,
		[NC_FLOW_NETWORK] = &types__network_flow__descriptor,
		[NC_FLOW_LINK] = &types__link_flow__descriptor,
		[NC_FLOW_TRANSPORT] = &types__transport_flow__descriptor,
	};
	unsigned kind = NC_FLOW_KINDS;

	while (--kind > NC_FLOW_NONE && kinds[kind] != d)
		;
	return (enum nc_flow_kind)kind;
}

uint64_t nc_ident_hash(const uint8_t *a, const uint8_t *b, size_t n, enum nc_endpoint type)
{
	return (nc_fnv_pair(a, b, n) ^ type) * NC_FNV_PRIME;
}

uint64_t nc_ident_ports(uint16_t a, uint16_t b, enum nc_endpoint type)
{
	uint8_t x[2] = { (uint8_t)(a >> 8), (uint8_t)a }, y[2] = { (uint8_t)(b >> 8), (uint8_t)b };

	return nc_ident_hash(x, y, 2, type);
}

void nc_ident_connection(uint64_t link, uint64_t network, uint64_t transport, char out[static NC_MD5_TEXT])
{
	char text[64];
	size_t n = nc_text_u64(text, link);

	n += nc_text_u64(text + n, network);
	n += nc_text_u64(text + n, transport);
	nc_md5_hex(text, n, out);
}

/* What decoders give to nc_saw_link. The numbers are kept in shared memory only. */
static const char *const links[] = {
	"", "Ethernet", "FDDI", "TokenRing", "Dot11", "PPP", "LinuxSLL", "LinuxSLL2", "Loopback", "CiscoHDLC", "FrameRelay",
};
/* From NC_END_TCP on. */
static const char *const transports[] = { "TCP", "UDP", "SCTP" };
#define LINKS (sizeof(links) / sizeof(links[0]))

unsigned nc_ident_link(const char *name)
{
	if (name)
		for (unsigned i = 1; i < LINKS; i++)
			if (name == links[i] || strcmp(name, links[i]) == 0)
				return i;
	return 0;
}

const char *nc_ident_link_name(unsigned link)
{
	return link < LINKS ? links[link] : "";
}

unsigned nc_ident_transport(const char *name)
{
	if (!name)
		return 0;
	for (unsigned i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (name == transports[i] || strcmp(name, transports[i]) == 0)
			return NC_END_TCP + i;
	return 0;
}

const char *nc_ident_transport_name(unsigned type)
{
	return type >= NC_END_TCP && type <= NC_END_SCTP ? transports[type - NC_END_TCP] : "";
}

#define T 1u /* a service over TCP */
#define U 2u /* over UDP */

/* Services by port (IANA's list, and what our decoders listen to), ascending. */
static const struct service {
	uint16_t port;
	uint8_t over;
	const char *name;
} services[] = {
	{ 20, T, "FTPData" }, { 21, T, "FTP" }, { 22, T, "SSH" }, { 23, T, "Telnet" }, { 25, T, "SMTP" }, { 43, T, "WHOIS" },
	{ 49, T, "TACACS" }, { 53, T | U, "DNS" }, { 67, U, "DHCPv4" }, { 68, U, "DHCPv4" }, { 69, U, "TFTP" },
	{ 79, T, "Finger" }, { 80, T, "HTTP" }, { 88, T | U, "Kerberos" }, { 102, T, "TPKT" }, { 110, T, "POP3" },
	{ 111, T | U, "RPC" }, { 119, T, "NNTP" }, { 123, U, "NTP" }, { 135, T, "DCERPC" }, { 137, U, "NetBIOSName" },
	{ 138, U, "NetBIOSDatagram" }, { 139, T, "NetBIOSSession" }, { 143, T, "IMAP" }, { 161, U, "SNMP" },
	{ 162, U, "SNMP" }, { 179, T, "BGP" }, { 389, T | U, "LDAP" }, { 443, T, "TLS" }, { 443, U, "QUIC" },
	{ 445, T, "SMB" }, { 465, T, "TLS" }, { 500, U, "ISAKMP" }, { 502, T, "ModbusTCP" }, { 514, U, "Syslog" },
	{ 520, U, "RIP" }, { 546, U, "DHCPv6" }, { 547, U, "DHCPv6" }, { 554, T, "RTSP" }, { 587, T, "SMTP" },
	{ 631, T, "IPP" }, { 636, T, "TLS" }, { 853, T, "TLS" }, { 853, U, "DTLS" }, { 989, T, "TLS" }, { 990, T, "TLS" },
	{ 993, T, "TLS" }, { 995, T, "TLS" }, { 1080, T, "SOCKS" }, { 1194, U, "OpenVPN" }, { 1433, T, "TDS" },
	{ 1521, T, "TNS" }, { 1701, U, "L2TP" }, { 1723, T, "PPTP" }, { 1812, U, "RADIUS" }, { 1813, U, "RADIUS" },
	{ 1883, T, "MQTT" }, { 1900, U, "SSDP" }, { 2049, T | U, "NFS" }, { 2152, U, "GTPU" }, { 3128, T, "HTTP" },
	{ 3306, T, "MySQL" }, { 3389, T, "RDP" }, { 3478, U, "STUN" }, { 3544, U, "Teredo" }, { 3784, U, "BFD" },
	{ 4500, U, "ISAKMP" }, { 4784, U, "BFD" }, { 4789, U, "VXLAN" }, { 4790, U, "VXLAN" }, { 5060, T | U, "SIP" },
	{ 5061, T, "TLS" }, { 5222, T, "XMPP" }, { 5353, U, "DNS" }, { 5355, U, "DNS" }, { 5432, T, "PostgreSQL" },
	{ 5683, U, "CoAP" }, { 5900, T, "VNC" }, { 6081, U, "Geneve" }, { 6379, T, "RESP" }, { 6667, T, "IRC" },
	{ 6784, U, "BFD" }, { 7667, U, "LCM" }, { 7784, U, "BFD" }, { 8080, T, "HTTP" }, { 8443, T, "TLS" },
	{ 20000, T, "DNP3" }, { 44818, T, "ENIP" },
};

static int by_port(const void *key, const void *item)
{
	const struct service *k = key, *s = item;

	if (k->port != s->port)
		return k->port < s->port ? -1 : 1;
	return k->over & s->over ? 0 : k->over < s->over ? -1 : 1;
}

static const char *service(uint16_t port, uint8_t over)
{
	struct service key = { .port = port, .over = over };
	const struct service *s = bsearch(&key, services, sizeof(services) / sizeof(services[0]), sizeof(services[0]), by_port);

	return s ? s->name : NULL;
}

const char *nc_ident_application(unsigned app, unsigned transport, uint16_t sport, uint16_t dport)
{
	uint8_t over = transport == NC_END_TCP ? T : transport == NC_END_UDP ? U : 0;
	uint16_t low = sport < dport ? sport : dport, high = sport < dport ? dport : sport;

	if (app > 0 && app <= nc_stream_readers_count)
		return nc_stream_readers[app - 1]->name;
	const char *name = over ? service(low, over) : NULL;
	if (!name && over)
		name = service(high, over);
	return name ? name : "";
}
