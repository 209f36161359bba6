# SPDX-License-Identifier: GPL-3.0-or-later
"""The captures of payload on ports that nobody claims: what proves what it is, and what only looks like it. A part of make-fixtures."""
import struct

from __main__ import (A4, A6, B4, B6, C4, ETHERNET, File, MAC_A, OPT, QUERY, REPLY, START, UDP4, UDP6, dns_kinds, dns_message,
                      eth, ip4, ip6p, pattern, pointer, question, rr, tcp, udp, v4, v6, vlan)

WWW = question('www.example.com')


def u4(f, payload, sport=40000, dport=40001, **kw):
    f.add(v4(udp(payload, sport, dport), 17), **kw)


def t4(f, payload, sport=40000, dport=40001, **kw):
    f.add(v4(tcp(payload, sport, dport), 6), **kw)


def dns(d):
    def prefixed(*messages):
        return b''.join(struct.pack('>H', len(m)) + m for m in messages)

    query, answer = dns_message(QUERY, [WWW]), dns_message(REPLY, [WWW], [rr(pointer(12), 1, A4), rr(pointer(12), 28, B6)])
    f = File(d, 'dns-content', ETHERNET)
    u4(f, query)
    u4(f, answer, 8053, 40000)
    u4(f, dns_kinds())
    u4(f, dns_message(0x0130, [WWW], (), (), [OPT]))                     # AD and CD bit, EDNS
    u4(f, dns_message(QUERY, [question(b'\0', 2)]))                      # the root
    u4(f, dns_message(0x8183, [WWW]))                                    # no such name
    f.add(v6(udp(query, 40000, 40001, A6, B6), 17))
    u4(f, dns_message(REPLY, [WWW], [rr(pointer(12), 250, pattern(20), cls=255)]))     # a signature
    u4(f, dns_message(REPLY, [WWW], [rr(pointer(12), 1, A4[:3])]))       # proven, and yet wrong
    t4(f, prefixed(query))
    t4(f, prefixed(answer, dns_kinds()))
    # near misses
    u4(f, query + b'\0')                                                 # a byte behind it
    u4(f, query[:-1])
    u4(f, answer[:-1])
    for flags in (0x2900, 0x0900, 0x0140, 0x0500, 0x0300, 0x0180, 0x0103, 0x818b):     # update, inverse, Z, and what no query has
        u4(f, dns_message(flags, [WWW]))
    u4(f, dns_message(QUERY, [WWW, WWW]))                                # two questions, none
    u4(f, dns_message(QUERY))
    u4(f, dns_message(QUERY, [WWW], [rr(pointer(12), 1, A4)]))           # a query with an answer
    u4(f, dns_message(QUERY, [WWW], (), (), [rr('www.example.com', 41, b'')]))         # EDNS is the root's
    u4(f, dns_message(QUERY, [WWW], (), (), [b'\0\0']))
    u4(f, dns_message(QUERY, [question('www.example.com', 1, 3)]))       # another class, or type, or bytes that no name has
    u4(f, dns_message(QUERY, [question('www.example.com', 0)]))
    u4(f, dns_message(QUERY, [question('www.example.com', 4000)]))
    u4(f, dns_message(QUERY, [question(b'\x03w w\0')]))
    u4(f, dns_message(QUERY, [question(b'\x03w\xffw\0')]))
    u4(f, dns_message(QUERY, [question(b'\x03www\xc0\x0c')]))            # a question that points
    u4(f, dns_message(QUERY, [question(b'\x43www\0')]))
    u4(f, dns_message(REPLY, [WWW], [rr(pointer(12), 1, A4, cls=3)]))
    u4(f, dns_message(REPLY, [WWW], [rr(pointer(400), 1, A4)]))
    netbios = b'\x20FHEPFCELEHFCEPFFFACACACACACACABL\0'                  # NetBIOS: another protocol with the same messages
    u4(f, dns_message(0x0110, [question(netbios, 32)]))
    u4(f, dns_message(0x0100, [question(netbios, 33)]))
    u4(f, dns_message(0x0100, [question(netbios[:-1] + b'\x05SCOPE\0', 33)]))
    u4(f, b'\0' * 48)
    u4(f, query[:11])
    u4(f, query, cut=14 + 28 + len(query) - 1)
    t4(f, query)                                                         # without its length
    t4(f, prefixed(query) + b'\0')
    t4(f, prefixed(query, answer)[:-3])
    t4(f, prefixed(query, b'')[:-2] + b'\0\1\0')
    t4(f, prefixed(query), cut=14 + 40 + 20)
    f.close()


def ntp(d):
    now = START + 2208988800 + 2

    def message(li=0, version=4, mode=3, stratum=0, poll=6, precision=-20, delay=0, stamps=(0, 0, 0, now + .5)):
        return (struct.pack('>BBbb', li << 6 | version << 3 | mode, stratum, poll, precision) + struct.pack('>III', delay, 65536, 0x7f7f0101) +
                b''.join(struct.pack('>Q', int(x * 2 ** 32)) for x in stamps))

    full = (now - 900, now - .25, now, now + .125)
    f = File(d, 'ntp-content', ETHERNET)
    u4(f, message())
    u4(f, message(3, poll=0, precision=0))                               # a client that says no more than its time
    u4(f, message(version=3, mode=4, stratum=2, delay=9760, stamps=full), 1123, 40000)
    u4(f, message(mode=1, stratum=3, stamps=full))
    u4(f, message(mode=2, stratum=16, stamps=(0, 0, 0, now)))
    u4(f, message(mode=5, stratum=1, stamps=(now, 0, 0, now)))
    u4(f, message(mode=4, stratum=1, stamps=full) + struct.pack('>I', 7) + pattern(16))
    u4(f, message(mode=4, stratum=1, stamps=full) + struct.pack('>I', 7) + pattern(20))
    u4(f, message(mode=4, stratum=1, stamps=full) + b'\0' * 4)           # what was signed was refused
    # near misses
    u4(f, message()[:47])
    u4(f, message() + b'\0')
    u4(f, message(mode=0))
    u4(f, message(mode=6))
    u4(f, message(version=2))
    u4(f, message(version=5))
    u4(f, message(stratum=17))
    u4(f, message(stratum=200))
    u4(f, message(poll=-3))
    u4(f, message(delay=0x00100000))                                     # 16 seconds
    u4(f, message(precision=1))
    u4(f, message(mode=4, stratum=1, precision=0, stamps=full))
    u4(f, message(mode=4, stratum=0, stamps=full))
    u4(f, message(mode=4, stratum=1, stamps=(0, 0, now + 1, now)))       # sent before it was received
    u4(f, message(mode=4, stratum=1, stamps=(0, 0, 0, now)))
    u4(f, message(stamps=(0, 0, 0, 0)))                                  # times that are not those of the capture
    u4(f, message(stamps=(0, 0, 0, now - 90000)))
    u4(f, message(stamps=(0, 0, 0, now + 90000)))
    u4(f, message(stamps=(0, 12345, 0, now)))
    u4(f, message(stamps=(0, 0, 12345, now)))
    u4(f, b'\x1b' + b'\0' * 47)
    u4(f, message() + pattern(20), cut=14 + 28 + 48)
    t4(f, message())
    f.close()


def sip(d):
    request = (b'INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776\r\nCSeq: 314159 INVITE\r\n'
               b'Content-Length: 4\r\n\r\nv=0\n')
    response = b'SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP one\r\nCSeq: 1 INVITE\r\n\r\n'
    f = File(d, 'sip-content', ETHERNET)
    u4(f, request)
    u4(f, response)
    t4(f, request)
    t4(f, response, 5080, 40000)
    u4(f, b'BENOTIFY tel:+1-201-555-0123 SIP/2.0\nCSeq: 1 BENOTIFY\n\n')
    u4(f, b'SIP/2.0 200\r\n\r\n')
    u4(f, request, cut=14 + 28 + 60)                                     # the start line is whole, the rest was cut
    # near misses
    for other in (b'INVITE sip:bob@example.com SIP/2.0', b'INVITE sip:bob@example.com SIP/2.1\r\n\r\n', b'INVITE sip:bob@example.com SIP/2.0 \r\n\r\n',
                  b'INVITE sip:bob@example.com sip/2.0\r\n\r\n', b'INVITE  SIP/2.0\r\n\r\n', b'INVITE bob SIP/2.0\r\n\r\n', b'INVITE sip: SIP/2.0\r\n\r\n',
                  b'INVITE :bob SIP/2.0\r\n\r\n', b'INVITE s\xffp:bob SIP/2.0\r\n\r\n', b'INVITE sip:b\xffb SIP/2.0\r\n\r\n',
                  b'INVite sip:bob SIP/2.0\r\n\r\n', b'invite sip:bob SIP/2.0\r\n\r\n', b'SIP/2.0 20 OK\r\n\r\n', b'SIP/2.0 099 No\r\n\r\n',
                  b'SIP/2.0 700 No\r\n\r\n', b'SIP/2.0 2OO OK\r\n\r\n', b'SIP/1.0 200 OK\r\n\r\n', b'SIP/2.0\r\n\r\n', b'SIP/2.0 18888888888888888888 OK\r\n\r\n', b'HTTP/1.1 200 OK\r\n\r\n',
                  b'OPTIONS rtsp://example.com RTSP/1.0\r\n\r\n', b'\r\n' + request, b'X' * 900):
        u4(f, other)
    t4(f, b'GET sip:x HTTP/1.1\r\nUser-Agent: SIP/2.0\r\n\r\n')
    t4(f, request[:100])                                                 # the head in two segments
    u4(f, request, cut=14 + 28 + 30)
    f.close()


def modbustcp(d):
    def unit(pdu, transaction=1, protocol=0, unit=255, length=None):
        return struct.pack('>HHHB', transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu

    read, answer = unit(b'\3\0\x6b\0\3'), unit(b'\3\6' + pattern(6), 0xffff, unit=1)
    f = File(d, 'modbustcp-content', ETHERNET)
    t4(f, read)
    t4(f, answer, 5020, 40000)
    t4(f, read + answer + read)
    for pdu in (b'\1\0\0\7\xd0', b'\2\1\xff', b'\4\2\0\1', b'\5\0\7\xff\0', b'\6\0\7\1\2', b'\x0f\0\x13\0\x0a\2\xcd\1', b'\x0f\0\x13\0\x0a',
                b'\x10\0\1\0\2\4' + pattern(4), b'\x10\0\1\0\2', b'\x14\7\6\0\4\0\1\0\2', b'\x15\7\6\0\4\0\7\0\1', b'\x16\0\4\0\xf2\0\x25',
                b'\x17\0\3\0\6\0\x0e\0\1\2' + pattern(2), b'\x17\2' + pattern(2), b'\x83\2', b'\x97\x0b'):
        t4(f, unit(pdu))
    # near misses
    for pdu in (b'', b'\0\0\0\0\1', b'\1\0\0\0\0', b'\1\0\0\7\xd1', b'\3\0\0\0\x7e', b'\3\6' + pattern(5), b'\3\6' + pattern(7), b'\3\0', b'\3\0\x6b\0',
                b'\7', b'\x08\0\0\0\0', b'\x11', b'\x0f\0\x13\0\x0a\2\xcd', b'\x10\0\1\0\0\4' + pattern(4), b'\x16\0\4\0\xf2\0', b'\x18\0\1', b'\x2b\x0e\1\0',
                b'\x80\1', b'\x83\0', b'\x83\x0c', b'\x83\2\0', b'\x87\1', b'\xff\1'):
        t4(f, unit(pdu))
    t4(f, unit(b'\3\0\x6b\0\3', protocol=1))
    t4(f, unit(b'\3\0\x6b\0\3', length=7))
    t4(f, unit(b'\3\0\x6b\0\3', length=5))
    t4(f, read + b'\0')
    t4(f, read + answer[:9])
    t4(f, read + unit(b'\3\0\x6b\0\3', protocol=1))
    t4(f, b'\0' * 12)
    u4(f, read)
    t4(f, read, cut=14 + 40 + 11)
    f.close()


def inner(add):
    """What is in tunnels, good and bad."""
    whole = ip4(UDP4, 17, src=C4)
    arp = struct.pack('>HHBBH', 1, 0x0800, 6, 4, 1) + MAC_A + A4 + b'\0' * 6 + B4
    add(eth(whole))
    add(eth(ip4(UDP4, 17, options=b'\1' * 4)))
    add(eth(ip6p(UDP6, 17), 0x86dd))
    add(eth(arp, 0x0806) + b'\0' * 18)
    add(eth(vlan(whole, 7), 0x8100))
    add(eth(vlan(vlan(whole, 7), 8, 0x8100), 0x88a8))
    add(eth(whole) + b'\xee' * 6)                                        # padding
    # near misses
    add(eth(whole[:10] + b'\0\0' + whole[12:]))                          # the checksum is wrong
    add(eth(ip4(UDP4, 17, version=5)))
    add(eth(ip4(b'', 17, ihl=4)))
    add(eth(ip4(UDP4, 17, length=200)))                                  # longer than what is there
    add(eth(ip4(UDP4, 17, length=16)))
    add(eth(whole[:12]))
    add(eth(ip6p(UDP6, 17, version=4), 0x86dd))
    add(eth(ip6p(UDP6, 99), 0x86dd))                                     # a next header that is not in use
    add(eth(ip6p(UDP6, 17, length=200), 0x86dd))
    add(eth(ip6p(UDP6, 17)[:30], 0x86dd))
    add(eth(arp[:7] + b'\x03' + arp[8:], 0x0806))                        # reverse
    add(eth(arp[:7], 0x0806))
    add(eth(whole, 0x88b5))
    add(eth(vlan(vlan(vlan(whole, 7), 8, 0x8100), 9, 0x8100), 0x8100))
    add(eth(whole, src=b'\xff' * 6))
    add(eth(b'', 0x8100))
    add(b'')


def vxlan(d):
    frame = v4(tcp(b'inside', 80, 5000), 6)

    def head(vni=0xabcdef, flags=8, more=0, group=0, reserved=0):
        return struct.pack('>BBHI', flags, more, group, vni << 8 | reserved)

    f = File(d, 'vxlan-content', ETHERNET)
    u4(f, head() + frame, 50000, 8472)
    inner(lambda bytes_: u4(f, head() + bytes_, 50000, 8472))
    for kw in ({'flags': 0}, {'flags': 0x88}, {'flags': 0x0c}, {'flags': 9}, {'more': 1}, {'group': 1}, {'reserved': 1}):
        u4(f, head(**kw) + frame, 50000, 8472)
    t4(f, head() + frame, 50000, 8472)
    u4(f, head() + frame, 50000, 8472, cut=14 + 28 + 8 + 14 + 20)        # the inner header is there
    u4(f, head() + frame, 50000, 8472, cut=14 + 28 + 8 + 14 + 19)
    f.close()


def geneve(d):
    frame = v4(tcp(b'inside', 80, 5000), 6)

    def option(data, reserved=0, words=None):
        return struct.pack('>HBB', 0x0132, 1, reserved << 5 | (len(data) // 4 if words is None else words)) + data

    def head(kind=0x6558, options=b'', vni=0x010203, version=0, flags=0, length=None, reserved=0):
        return struct.pack('>BBHI', version << 6 | (len(options) // 4 if length is None else length), flags, kind, vni << 8 | reserved) + options

    f = File(d, 'geneve-content', ETHERNET)
    u4(f, head() + frame, 50000, 16081)
    u4(f, head(0x0800, flags=0xc0) + ip4(UDP4, 17))
    u4(f, head(0x86dd) + ip6p(UDP6, 17))
    u4(f, head(options=option(b'') + option(pattern(4)) + option(pattern(124))) + frame)
    inner(lambda bytes_: u4(f, head() + bytes_))
    for kw in ({'version': 1}, {'flags': 1}, {'flags': 0x20}, {'reserved': 1}, {'kind': 0x0806}, {'kind': 0x8847}, {'length': 63},
               {'options': option(pattern(4), reserved=1)}, {'options': option(pattern(4), words=2)}, {'options': option(pattern(8), words=1)}):
        u4(f, head(**kw) + frame)
    u4(f, head(0x0800) + ip6p(UDP6, 17))                                 # type and packet disagree
    u4(f, head(0x86dd) + ip4(UDP4, 17))
    u4(f, head(0x0800) + frame)
    t4(f, head() + frame)
    u4(f, head() + frame, cut=14 + 28 + 8 + 14 + 20)
    u4(f, head() + frame, cut=14 + 28 + 8 + 14 + 19)
    f.close()


FILES = (dns, ntp, sip, modbustcp, vxlan, geneve)
