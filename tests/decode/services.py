# SPDX-License-Identifier: GPL-3.0-or-later
"""The captures of control and application protocols: a part of make-fixtures, whose helpers it uses."""
import struct

from __main__ import (A4, A6, B4, B6, ETHERNET, File, LL6, MAC_A, MAC_B, PPP, checksum, eth, ip4, ip6, pattern, pseudo, tcp, udp,
                      v4, v6, vlan)


def u4(f, payload, sport, dport, **kw):
    f.add(v4(udp(payload, sport, dport), 17), **kw)


def u6(f, payload, sport, dport, **kw):
    f.add(v6(udp(payload, sport, dport, A6, B6), 17), **kw)


def t4(f, payload, sport, dport, **kw):
    f.add(v4(tcp(payload, sport, dport), 6), **kw)


def snap(payload, kind, oui=b'\0\0\x0c', length=None, pad=0):
    body = b'\xaa\xaa\x03' + oui + struct.pack('>H', kind) + payload
    return eth(body + b'\0' * pad, len(body) if length is None else length, dst=bytes.fromhex('01000ccccccc'))


def be16(*n):
    return struct.pack('>%dH' % len(n), *n)


def be32(*n):
    return struct.pack('>%dI' % len(n), *n)


# --- configuration and time ---------------------------------------------------------------------------------------------------

def dhcpv4(d):
    def message(options, op=1, hlen=6, hw=MAC_A, cookie=b'\x63\x82\x53\x63', htype=1, sname=b'', file=b'', flags=0x8000):
        return (struct.pack('>BBBBIHH', op, htype, hlen, 1, 0x3903f326, 3, flags) + b'\0' * 4 + A4 + B4 + bytes([10, 0, 0, 1]) +
                hw.ljust(16, b'\0') + sname.ljust(64, b'\0') + file.ljust(128, b'\0') + cookie + options)

    discover = bytes([53, 1, 1, 61, 7, 1]) + MAC_A + bytes([50, 4]) + B4 + bytes([12, 4]) + b'host' + bytes([55, 4, 1, 3, 6, 42, 255])
    offer = bytes([53, 1, 2, 1, 4, 255, 255, 255, 0, 0, 0, 58, 4]) + be32(1800) + bytes([54, 4]) + A4 + bytes([80, 0, 255]) + b'\0' * 20
    f = File(d, 'dhcpv4', ETHERNET)
    u4(f, message(discover), 68, 67)
    u4(f, message(offer, op=2, sname=b'boot', file=b'/srv/pxe\xff'), 67, 68)
    u4(f, message(discover[:-1]), 68, 67)                                # no end
    u4(f, message(b''), 68, 67)
    u4(f, message(bytes([255, 53, 1, 1])), 68, 67)                       # something behind the end
    u4(f, message(b'', hlen=16, hw=pattern(16), htype=32), 68, 67)
    u4(f, message(b'', hlen=0), 68, 67)
    u4(f, message(b'\0' * 60, cookie=b'\0' * 4), 68, 67)                 # bootstrap without options
    u4(f, message(b'', cookie=b''), 68, 67)                              # the header alone
    u4(f, message(discover, hlen=17), 68, 67)
    u4(f, message(bytes([53, 1, 1, 12, 200]) + b'short'), 68, 67)        # longer than the message
    u4(f, message(bytes([53, 1, 1, 12])), 68, 67)                        # no length
    u4(f, message(discover)[:200], 68, 67)
    u4(f, message(discover), 68, 67, cut=14 + 28 + 200)
    u4(f, message(discover), 68, 67, cut=14 + 28 + 238)                  # within the cookie
    u4(f, message(discover), 68, 67, cut=14 + 28 + 243)                  # between options
    u4(f, message(bytes([9, 0]) * 2000), 68, 67)                         # more than a packet's memory
    f.close()


def dhcpv6(d):
    def option(code, data, length=None):
        return be16(code, len(data) if length is None else length) + data

    client = option(1, be16(1, 1) + be32(0x1db8e6fb) + MAC_A)
    solicit = b'\x01\x27\x73\x1d' + option(8, be16(0)) + client + option(6, be16(23, 24)) + option(14, b'')
    ia = option(3, be32(1, 3600, 5400) + option(5, B6 + be32(7200, 7500)))
    f = File(d, 'dhcpv6', ETHERNET)
    u6(f, solicit, 546, 547)
    u6(f, b'\x07\x27\x73\x1d' + client + ia, 547, 546)
    u6(f, b'\x0c\x01' + A6 + LL6 + option(9, solicit) + option(18, b'eth0'), 547, 547)    # relayed
    u6(f, b'\x0d\x20' + A6 + LL6, 547, 547)
    u6(f, b'\x0b\0\0\0', 546, 547)
    u6(f, b'\xff\xff\xff\xff' + option(65535, b'x'), 546, 547)
    u6(f, b'\x01\0\0', 546, 547)
    u6(f, b'\x0c\0' + A6, 547, 547)
    u6(f, b'\x01\0\0\1' + option(1, b'ab', 3), 546, 547)                 # longer than the message
    u6(f, b'\x01\0\0\1' + option(1, b'ab') + b'\0\1\0', 546, 547)        # a part of a header
    u6(f, solicit, 546, 547, cut=14 + 48 + 4)
    u6(f, solicit, 546, 547, cut=14 + 48 + 10)                           # between options
    u6(f, solicit, 546, 547, cut=14 + 48 + 20)
    f.close()


def ntp(d):
    def message(li=0, version=4, mode=3, stratum=2, poll=6, precision=-20):
        return (struct.pack('>BBbb', li << 6 | version << 3 | mode, stratum, poll, precision) + be32(9760, 63177, 0x11fd0d0d) +
                struct.pack('>QQQQ', 0xe1b8407debc7e506, 0xe1b8437b8badd400, 1, 2 ** 64 - 1))

    f = File(d, 'ntp', ETHERNET)
    u4(f, message(), 123, 123)
    u4(f, message(3, 3, 4, 0, -6, -128), 123, 40000)                     # a leap second unknown, kiss of death
    u6(f, message(mode=5) + be32(7) + pattern(16), 123, 123)             # key and digest
    u4(f, message(version=1, mode=0), 123, 123)
    u4(f, message(mode=4) + be16(0x0104, 36) + pattern(32), 123, 123)    # an extension field
    u4(f, b'\x16\x82' + be16(1, 0x0618, 0, 0, 10) + b'version="4"', 123, 123)   # control
    u4(f, b'\x17\0\3\x2a\0\0\0\0', 40000, 123)                           # mode 7
    u4(f, b'\x16', 40000, 123)
    u4(f, message(version=0), 123, 123)                                  # versions that there are not
    u4(f, message(version=5), 123, 123)
    u4(f, message()[:47], 123, 123)
    u4(f, message(), 123, 123, cut=14 + 28 + 47)
    u4(f, message() + pattern(20), 123, 123, cut=14 + 28 + 50)           # within the digest
    f.close()


# --- SIP ----------------------------------------------------------------------------------------------------------------------

def sip(d):
    request = (b'INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776\r\nMax-Forwards: 70\r\n'
               b'To: Bob <sip:bob@example.com>\r\nFrom:Alice <sip:alice@example.com>;tag=1928301774\r\nCall-ID: a84b4c76e66710\r\n'
               b'CSeq: 314159 INVITE\r\nContent-Length: 4\r\n\r\nv=0\n')
    response = (b'SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP one\r\nv: SIP/2.0/UDP short\r\nVIA:SIP/2.0/UDP two\r\nCSeq: 1 INVITE\r\n'
                b'Subject: a long\r\n  folded\r\n\tsubject\r\nContact: <sip:a@b>\r\n\r\n')
    f = File(d, 'sip', ETHERNET)
    u4(f, request, 5060, 5060)
    u4(f, response, 5060, 5062)
    for method in (b'ACK', b'BYE', b'CANCEL', b'OPTIONS', b'REGISTER', b'PRACK', b'SUBSCRIBE', b'NOTIFY', b'PUBLISH', b'INFO', b'REFER',
                   b'MESSAGE', b'UPDATE', b'ping', b'BENOTIFY'):
        u4(f, method + b' sip:x SIP/2.0\r\nCSeq: 1 ' + method + b'\r\n\r\n', 5060, 5060)
    u4(f, b'SIP/1.0 200 \r\nCSeq:1  REGISTER\r\n\r\n', 5060, 5060)        # no reason, two spaces
    u4(f, b'SIP/2.0 404 Not \xff Found\r\nX: a\0b\r\n: no name\r\nno colon\r\n folded onto X?\r\n\r\n', 5060, 5060)
    u4(f, b'INFO sip:x SIP/2.0\n first line folded\na:1\nb:\nA : 2\n\nbody', 5060, 5060)     # line feeds alone
    u4(f, b'INFO sip:x SIP/2.0\r\na:1\r\nb:2', 5060, 5060)                # no end
    u4(f, b'INFO sip:x SIP/2.0\r\n', 5060, 5060)
    u4(f, b'INFO sip:x SIP/2.0\r\n' + b'a:b\r\n' * 256 + b'\r\n', 5060, 5060)
    u4(f, b'INFO sip:x SIP/2.0\r\n' + b'a:b\r\n' * 257 + b'\r\n', 5060, 5060)
    for other in (b'\r\n\r\n', b'\0', b'INVITE sip:x\r\n\r\n', b'INVITE  SIP/2.0\r\n\r\n', b'SIP/2.0 2OO OK\r\n\r\n', b'SIP/2.0 20 OK\r\n\r\n', b'SIP/2.0 18888888888888888888 OK\r\n\r\n',
                  b'SIP/3.0 200 OK\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'no line'):
        u4(f, other, 5060, 5060)
    u4(f, request, 5060, 5060, cut=14 + 28 + 20)
    u4(f, request, 5060, 5060, cut=14 + 28 + 100)
    u4(f, request, 5060, 5060, cut=14 + 28 + len(request) - 4)           # the body is cut
    t4(f, request, 40000, 5060)
    t4(f, request[:100], 40000, 5060)                                    # the head in two segments
    t4(f, request[100:], 40000, 5060)
    f.close()


# --- network control ----------------------------------------------------------------------------------------------------------

def igmp(d):
    def message(kind, code, rest):
        data = bytes([kind, code, 0, 0]) + rest
        return data[:2] + be16(checksum(data)) + data[4:]

    def add(f, data, **kw):
        f.add(eth(ip4(data, 2, ttl=1, dst=bytes([224, 0, 0, 22]), options=b'\x94\x04\0\0')), **kw)

    def group(kind, address, sources=(), aux=b'', count=None):
        n = len(sources) if count is None else count
        return bytes([kind, len(aux) // 4]) + be16(n) + address + b''.join(sources) + aux

    g = bytes([239, 1, 2, 3])
    f = File(d, 'igmp', ETHERNET)
    add(f, message(0x11, 0, b'\0' * 4))                                  # version 1
    add(f, message(0x12, 0, g))
    add(f, message(0x11, 100, b'\0' * 4))                                # version 2
    add(f, message(0x11, 255, g))
    add(f, message(0x16, 0, g))
    add(f, message(0x17, 0, g))
    add(f, message(0x11, 100, b'\0' * 4 + bytes([2, 125]) + be16(0)))    # version 3
    add(f, message(0x11, 0x8a, g + bytes([15, 0xff]) + be16(2) + A4 + B4))    # codes above 127, suppressed, sources
    add(f, message(0x22, 0, be16(0, 3) + group(4, g) + group(1, g, (A4, B4)) + group(6, g, (A4,), pattern(8))))
    add(f, message(0x22, 0, be16(0, 0)))
    add(f, message(0x14, 1, be32(0x10000) + b'\0' * 4))                  # PIM version 1, which has this protocol's number
    add(f, message(0x11, 100, g + b'\2\x7d'))                            # a length that no version has
    add(f, message(0x11, 100, g + bytes([2, 125]) + be16(2) + A4))
    add(f, message(0x22, 0, be16(0, 2) + group(4, g)))
    add(f, message(0x22, 0, be16(0, 1) + group(1, g, (A4,), count=2)))
    add(f, message(0x22, 0, be16(0, 65535) + group(4, g)))
    add(f, message(0x16, 0, g[:3]))
    add(f, b'\x16')
    add(f, message(0x22, 0, be16(0, 2) + group(4, g) + group(4, g)), cut=14 + 24 + 16)
    add(f, message(0x11, 100, b'\0' * 4 + bytes([2, 125]) + be16(0)), cut=14 + 24 + 8)    # not version 2
    f.close()


def sctp(d):
    def common(sport, dport, tag, check):
        return be16(sport, dport) + be32(tag, check)

    init = bytes([1, 0]) + be16(20) + be32(0x1b2c3d4e, 65536) + be16(10, 10) + be32(1)
    f = File(d, 'sctp', ETHERNET)
    f.add(v4(common(32836, 80, 0, 0x30bafdd4) + init, 132))
    f.add(v6(common(80, 65535, 0xffffffff, 0xffffffff) + bytes([10, 0]) + be16(4), 132))
    f.add(v4(common(1, 2, 3, 4), 132))
    f.add(v4(common(1, 2, 3, 4)[:11], 132))
    f.add(v4(common(1, 2, 3, 4) + init, 132), cut=14 + 20 + 11)
    f.close()


def vrrpv2(d):
    def v2(addresses, count=None, auth=0, version=0x21, interval=1):
        body = struct.pack('>BBBBBBH', version, 42, 191, len(addresses) if count is None else count, auth, interval, 0) + b''.join(addresses)
        body += b'password' if auth else b'\0' * 8
        return body[:6] + be16(checksum(body)) + body[8:]

    def v3(addresses, interval, src, dst, reserved=0):
        body = struct.pack('>BBBBHH', 0x31, 46, 100, len(addresses), reserved << 12 | interval, 0) + b''.join(addresses)
        return body[:6] + be16(checksum(pseudo(src, dst, 112, len(body)) + body)) + body[8:]

    group4, group6 = bytes([224, 0, 0, 18]), ip6('ff02::12')
    f = File(d, 'vrrpv2', ETHERNET)
    f.add(v4(v2([A4]), 112, dst=group4, ttl=255))
    f.add(v4(v2([A4, B4, bytes([10, 4, 42, 3])], auth=1, interval=255), 112, dst=group4, ttl=255))
    f.add(v4(v2([]), 112, dst=group4, ttl=255))
    f.add(v4(v3([A4, B4], 4095, A4, group4, 15), 112, dst=group4, ttl=255))
    f.add(v6(v3([LL6, A6], 100, LL6, group6), 112, src=LL6, dst=group6, hops=255))
    f.add(v4(v2([A4], version=0x41), 112))                               # no such version
    f.add(v4(v2([A4], count=4), 112))
    f.add(v4(v2([A4])[:7], 112))
    f.add(v6(v3([LL6, A6], 100, LL6, group6), 112), cut=14 + 40 + 30)
    f.add(v4(v2([A4]), 112), cut=14 + 20 + 14)                           # the authentication is cut
    f.close()


def bfd(d):
    def packet(auth=b'', flags=0xc0, length=None, version=1, diagnostic=0, extra=b''):
        length = 24 + len(auth) if length is None else length
        return struct.pack('>BBBB', version << 5 | diagnostic, flags | (4 if auth else 0), 5, length) + \
            be32(1, 0xffffffff, 1000000, 300000, 50000) + auth + extra

    def digest(kind, n):
        return bytes([kind, 8 + n, 2, 0]) + be32(0x80000005) + pattern(n)

    f = File(d, 'bfd', ETHERNET)
    u4(f, packet(), 49152, 3784)
    u4(f, packet(flags=0x3b, diagnostic=31), 49152, 3784)                # all flags
    u6(f, packet(flags=0x40, diagnostic=7), 49152, 4784)                 # many hops
    u4(f, packet(), 49152, 6784)                                         # of a bundle
    u4(f, packet(), 49152, 7784)                                         # seamless
    u4(f, packet(b'\1\x09\2secret'), 49152, 3784)
    u4(f, packet(b'\1\3\2'), 49152, 3784)
    for kind, n in ((2, 16), (3, 16), (4, 20), (5, 20)):
        u4(f, packet(digest(kind, n)), 49152, 3784)
    u4(f, packet(b'\x63\x06\2abc'), 49152, 3784)                         # a kind that there is not
    u4(f, packet(extra=b'behind it'), 49152, 3784)
    u4(f, packet(version=2), 49152, 3784)
    u4(f, packet(length=23), 49152, 3784)
    u4(f, packet(length=25), 49152, 3784)
    u4(f, packet(flags=0xc4), 49152, 3784)                               # authentication, but none there
    u4(f, packet(b'\2\7\2\0' + be32(5) + pattern(16)), 49152, 3784)      # shorter than its header
    u4(f, packet(b'\2\x19\2\0' + be32(5) + pattern(16)), 49152, 3784)    # longer than the packet
    u4(f, packet(b'\1\2\2'), 49152, 3784)
    u4(f, packet()[:3], 49152, 3784)
    u4(f, packet(digest(2, 16)), 49152, 3784, cut=14 + 28 + 24)
    f.close()


# --- discovery ----------------------------------------------------------------------------------------------------------------

def lldp(d):
    def tlv(kind, data, length=None):
        return be16(kind << 9 | (len(data) if length is None else length)) + data

    def frame(*tlvs, pad=0):
        return eth(b''.join(tlvs) + b'\0' * pad, 0x88cc, dst=bytes.fromhex('0180c200000e'))

    first = tlv(1, b'\4' + MAC_A) + tlv(2, b'\5eth0') + tlv(3, be16(120))
    oid = bytes([0x2b, 6, 1, 4, 1, 0x81, 0xc0, 0x6e])

    def management(address, kind=1, number=3, oid=b''):
        return tlv(8, bytes([len(address) + 1, kind]) + address + b'\2' + be32(number) + bytes([len(oid)]) + oid)

    end = b'\0\0'
    f = File(d, 'lldp', ETHERNET)
    f.add(frame(first, end, pad=30))
    f.add(frame(first, tlv(4, b'Port 1'), tlv(5, b'switch.example'), tlv(6, 'Schön\nzwei'.encode()), tlv(7, be16(0x0014, 0x0004)), management(A4, oid=oid),
                tlv(127, b'\0\x80\xc2\1\0\1'), tlv(127, b'\0\x12\x0f\1'), tlv(9, b'reserved'), tlv(126, b''), end))
    f.add(frame(first, tlv(7, be16(0xffff, 0x07ff)), management(A6, 2, 0xffffffff, b'\6\3\x2b\6\1'), tlv(5, b'bad \xff'), end))
    f.add(frame(first, management(A4, oid=b'\0'), management(B4, oid=b'\x88\x37'), end))         # 0.0; 2.999; the last one counts
    f.add(frame(first, management(A4, oid=b'\x2b' + b'\xff' * 12 + b'\1'), end))                 # a number too large
    f.add(frame(first, management(A4, oid=b'\x2b\x81'), end))                                    # one that does not end
    f.add(frame(first, tlv(1, b'\4again'), tlv(127, b'\0\x80\xc2\x09' + pattern(500)), end))
    f.add(eth(vlan(first + end, 0, 0x88cc), 0x8100))
    f.add(frame(tlv(1, b'\4' + MAC_A), tlv(3, be16(120)), tlv(2, b'\5eth0'), end))               # the wrong order
    f.add(frame(tlv(1, b'\4' + MAC_A), end))
    f.add(frame(end))
    f.add(frame(tlv(1, b'\4'), tlv(2, b'\5eth0'), tlv(3, be16(120)), end))                       # no identifier
    f.add(frame(first, tlv(7, b'\0\1\0'), end))
    f.add(frame(first, tlv(8, b'\xff\1' + A4 + b'\2' + be32(1) + b'\0'), end))                   # an address longer than its value
    f.add(frame(first, tlv(8, b'\0\2' + be32(1) + b'\0'), end))                                  # an address without a subtype
    f.add(frame(first, tlv(127, b'\0\x80\xc2'), end))
    f.add(frame(first, tlv(5, b'name')))                                                         # no end
    f.add(frame(first, tlv(5, b'name', 500), end))
    f.add(frame(first, end), cut=14 + 12)
    f.add(frame(b''))
    f.close()


CDP_HELLO = b'\0\0\x0c\x01\x12' + b'\0' * 4 + b'\xff' * 4 + b'\1\2\x21\xff' + b'\0' * 6 + MAC_B + b'\xff' + be16(7)


def cdp(d):
    def tlv(kind, data, length=None):
        return be16(kind, 4 + len(data) if length is None else length) + data

    def packet(*tlvs, version=2):
        body = bytes([version, 180, 0, 0]) + b''.join(tlvs)
        return body[:2] + be16(checksum(body)) + body[4:]

    def add(f, *tlvs, version=2, length=None, pad=0, **kw):
        f.add(snap(packet(*tlvs, version=version), 0x2000, length=length, pad=pad), **kw)

    def address(a):
        return b'\1\1\xcc' + be16(4) + a if len(a) == 4 else b'\2\x08\xaa\xaa\3\0\0\0\x86\xdd' + be16(16) + a

    def addresses(*a):
        return be32(len(a)) + b''.join(address(x) for x in a)

    def ew(kind, data, length=None):
        return be32(kind, len(data) if length is None else length) + data

    def energy(values, length=None, count=None):
        data = b''.join(values)
        return (pattern(20) + be32(1, 77) + b'WS-C3750'.ljust(16, b'\0') + be16(3) + b'V01' + b'FDO12345678' + pattern(8) +
                be16(len(data) if length is None else length, len(values) if count is None else count) + data)

    f = File(d, 'cdp', ETHERNET)
    add(f, tlv(1, b'R1'), tlv(5, b'IOS\nline two'), tlv(6, b'Cisco 3745'), tlv(2, addresses(A4)), tlv(3, b'FastEthernet0/0'), tlv(4, be32(0x29)), pad=20)
    add(f, tlv(2, addresses(A4, A6)), tlv(4, be32(0x1ff)), tlv(7, A4 + b'\x18' + B4 + b'\x20' + b'\0' * 5), tlv(8, CDP_HELLO), tlv(9, b'domain'),
        tlv(10, be16(4094)), tlv(11, b'\1'), tlv(14, b'\1' + be16(20)), tlv(15, b'\x20' + be16(21)), tlv(16, be16(15400)), tlv(17, be32(1500)),
        tlv(18, b'\1'), tlv(19, b'\7'), tlv(20, b'sysname'), tlv(21, b'\6\x0a\x2b\6\1\4\1\x09\1\x83\x45\x01'), tlv(22, addresses(B4)), tlv(23, b'\0Room 4'))
    add(f, tlv(25, be16(0xa48d, 1) + be32(15400, 13000)), tlv(26, be16(0, 1) + be32(0, 0xffffffff)), tlv(31, b'\x0f'), tlv(24, b'external'),
        tlv(27, b'\0'), tlv(0x1003, b'new'), tlv(11, b'\0'), tlv(31, b'\5'))
    add(f, tlv(29, energy([ew(7, b'role'), ew(8, b'domain'), ew(9, b'name'), ew(23, be16(2, 43440) + A4 + pattern(6)), ew(99, b'?')])))
    add(f, tlv(29, energy([ew(7, b'role')], count=0)), version=1)
    add(f, tlv(7, A4), tlv(8, b'\0\0\x0c\1\x13'), tlv(2, be32(1) + b'\1\1\x81' + be16(3) + b'abc'), tlv(9, b''))     # a gateway, other protocols
    add(f)
    for broken in (tlv(4, b'\0\0\1'), tlv(2, be32(2) + address(A4)), tlv(2, be32(0xffffffff)), tlv(2, b'\0\0'), tlv(8, b'\0\0\x0c\1'), tlv(14, b'\1\0'),
                   tlv(25, b'\0\0\0'), tlv(11, b''), tlv(29, energy([])[:71]), tlv(29, energy([ew(7, b'role', 5)])), tlv(29, energy([ew(23, b'\0\2')])),
                   tlv(29, energy([ew(7, b'x')], length=400)), tlv(1, b'', 3), tlv(2, be32(1) + b'\1\1\xcc' + be16(9) + A4)):
        add(f, tlv(1, b'R1'), broken)
    add(f, tlv(1, b'R1'), tlv(3, b'eth', 90))                            # longer than the packet
    add(f, tlv(1, b'R1'), b'\0\3\0')
    add(f, tlv(1, b'R1'), version=3)
    add(f, tlv(1, b'R1'), tlv(3, b'eth0'), cut=14 + 8 + 4 + 6)           # between values
    add(f, cut=14 + 8 + 3)
    f.close()


def nortel(d):
    body = A4 + b'\0\1\7' + bytes([0x1e, 12, 2, 4])
    f = File(d, 'nortel', ETHERNET)
    f.add(snap(body, 0x01a2, b'\0\0\x81', pad=27))
    f.add(snap(body[:4] + b'\xff' * 7, 0x01a2, b'\0\0\x81'))
    f.add(snap(body, 0x01a1, b'\0\0\x81'))                               # segment hello
    f.add(snap(body[:10], 0x01a2, b'\0\0\x81'))
    f.add(snap(body, 0x01a2, b'\0\0\x81'), cut=14 + 8 + 10)
    f.close()


# --- application --------------------------------------------------------------------------------------------------------------

def modbustcp(d):
    def unit(pdu, transaction=1, protocol=0, unit=255, length=None):
        return be16(transaction, protocol, len(pdu) + 1 if length is None else length) + bytes([unit]) + pdu

    read, answer = unit(b'\3\0\x6b\0\3'), unit(b'\3\6' + pattern(6), 0xffff, unit=1)
    f = File(d, 'modbustcp', ETHERNET)
    t4(f, read, 40000, 502)
    t4(f, answer, 502, 40000)
    t4(f, unit(b'\x83\2'), 502, 40000)                                   # an exception
    t4(f, read + answer + read, 40000, 502)
    t4(f, read + answer[:9], 40000, 502)                                 # the second goes on in the next segment
    t4(f, answer[9:], 40000, 502)
    t4(f, unit(pattern(253)), 40000, 502)
    t4(f, unit(pattern(1000)), 40000, 502)                               # vendors exceed the standard's 260 bytes
    t4(f, unit(b'\7') * 40, 40000, 502)                                  # more than are looked at
    t4(f, unit(b'\3\0', protocol=1), 40000, 502)
    t4(f, unit(b''), 40000, 502)
    t4(f, b'\0\1\0\0\0', 40000, 502)
    t4(f, b'', 40000, 502)
    t4(f, read, 40000, 502, cut=14 + 20 + 20 + 10)
    f.close()


def lcm(d):
    def short(channel, payload, magic=b'LC02'):
        return magic + be32(0x80000001) + channel + payload

    def fragment(number, offset, data, channel=b'', total=3):
        return b'LC03' + be32(7, 3000, offset) + be16(number, total) + channel + data

    f = File(d, 'lcm', ETHERNET)
    u4(f, short(b'POSE\0', pattern(40)), 40000, 7667)
    u4(f, short(b'\0', b''), 40000, 7667)
    u4(f, short(b'x' * 63 + b'\0', b'y'), 40000, 7667)
    u4(f, fragment(0, 0, pattern(100), b'BIG\0'), 40000, 7667)
    u4(f, fragment(2, 2000, pattern(100)), 40000, 7667)
    u4(f, short(b'POSE\0', b'', b'LC01'), 40000, 7667)                   # not ours
    u4(f, b'LC0', 40000, 7667)
    u4(f, short(b'x' * 64 + b'\0', b''), 40000, 7667)
    u4(f, short(b'POSE', b''), 40000, 7667)                              # no end
    u4(f, short(b'x' * 70, b''), 40000, 7667)
    u4(f, b'LC02\0\0', 40000, 7667)
    u4(f, fragment(0, 0, b'')[:18], 40000, 7667)
    u4(f, short(b'POSE\0', pattern(40)), 40000, 7667, cut=14 + 28 + 10)
    u4(f, short(b'POSE\0', pattern(40)), 40000, 7667, cut=14 + 28 + 20)
    f.close()


# --- authentication -----------------------------------------------------------------------------------------------------------

def eap_packet(code, ident, data=b'', length=None):
    return struct.pack('>BBH', code, ident, 4 + len(data) if length is None else length) + data


def eapol_frame(kind, body, version=1, length=None, pad=0, ethertype=0x888e):
    length = len(body) if length is None else length
    return eth(bytes([version, kind]) + be16(length) + body + b'\0' * pad, ethertype, dst=bytes.fromhex('0180c2000003'))


def eap(d):
    def add(f, *args, pad=0, **kw):
        f.add(eapol_frame(0, eap_packet(*args), pad=pad), **kw)

    f = File(d, 'eap', ETHERNET)
    add(f, 1, 1, b'\1', pad=41)                                          # the padding is not of the packet
    add(f, 2, 1, b'\1John.McGuirk')
    add(f, 1, 2, b'\4\x10' + pattern(16))
    add(f, 2, 2, b'\3\4')
    add(f, 3, 2, pad=42)
    add(f, 4, 255)
    add(f, 5, 0, b'\2\0')                                                # initiate
    add(f, 1, 1, b'\xfe\0\0\0\0\0\0\1x')                                 # expanded type
    add(f, 1, 1, b'\1', 4)                                               # no type
    add(f, 1, 1, b'', 3)
    add(f, 1, 1, b'\1', 90)
    f.add(eapol_frame(0, b'\1\1'))
    f.add(eapol_frame(0, eap_packet(1, 1, b'\1hello')), cut=14 + 4 + 7)
    f.close()
    f = File(d, 'eap-ppp', PPP)
    f.add(b'\xc2\x27' + eap_packet(1, 42, b'\4\x10' + pattern(16)))
    f.close()


def eapol(d):
    f = File(d, 'eapol', ETHERNET)
    f.add(eapol_frame(1, b'', pad=42))                                   # start
    f.add(eapol_frame(2, b'', 2, pad=42))                                # logoff
    f.add(eapol_frame(0, eap_packet(3, 1)))
    f.add(eapol_frame(4, pattern(8), 3))                                 # an alert
    f.add(eapol_frame(8, pattern(8), 3))                                 # one that we leave alone
    f.add(eapol_frame(0, b''))                                           # nothing in it
    f.add(eapol_frame(0, eap_packet(4, 1), ethertype=0x88c7))            # before association
    f.add(eth(vlan(bytes([1, 1, 0, 0]), 3, 0x888e), 0x8100))
    f.add(eapol_frame(5, b'abc', length=4))
    f.add(eapol_frame(1, b''), cut=14 + 3)
    f.close()


def eapolkey(d):
    def key(info, data=b'', mic=pattern(16), length=None, kind=2, keylen=16):
        return (bytes([kind]) + be16(info, keylen) + struct.pack('>Q', 2) + pattern(32, 3) + pattern(16, 4) + struct.pack('>QQ', 5, 6) + mic +
                be16(len(data) if length is None else length) + data)

    def rc4(index, data):
        return b'\1' + be16(13) + struct.pack('>Q', 0x8000000000000001) + pattern(16) + bytes([index]) + pattern(16, 2) + data

    rsn = b'\x30\x14' + pattern(20)
    f = File(d, 'eapolkey', ETHERNET)
    f.add(eapol_frame(3, key(0x008a, mic=b'\0' * 16), 2))                # the four messages
    f.add(eapol_frame(3, key(0x010a, rsn, keylen=0)))
    f.add(eapol_frame(3, key(0x13ca, pattern(56)), 2, pad=9))
    f.add(eapol_frame(3, key(0x030a, keylen=0)))
    f.add(eapol_frame(3, key(0xffff, pattern(24)), 2))                   # all bits
    f.add(eapol_frame(3, key(0x0391, pattern(32), kind=254, keylen=32))) # WPA, a key of the group
    f.add(eapol_frame(3, key(0x13c8, pattern(40), mic=pattern(24))))     # longer codes
    f.add(eapol_frame(3, key(0x13c8, pattern(40), mic=pattern(32))))
    f.add(eapol_frame(3, key(0x12c8, pattern(40), mic=b'')))
    f.add(eapol_frame(3, rc4(0x81, pattern(13))))
    f.add(eapol_frame(3, rc4(0x7f, b''), pad=2))
    f.add(eapol_frame(3, key(0x13ca, pattern(20), length=21)))           # more than is there
    f.add(eapol_frame(3, key(0x13ca)[:94]))
    f.add(eapol_frame(3, rc4(1, b'')[:43]))
    f.add(eapol_frame(3, b'\2'))
    f.add(eapol_frame(3, key(0x13ca, pattern(20))), cut=14 + 4 + 100)
    f.close()


# --- OSPF ---------------------------------------------------------------------------------------------------------------------

HELLO, DESCRIPTION, REQUEST, UPDATE, ACKNOWLEDGMENT = range(1, 6)
R1, R2, R3 = 0x01010101, 0x02020202, 0xffffffff


def lsa(kind, body, link=5, router=R1, options=0x22, version=3, length=None, age=1):
    word = be16(kind) if version == 3 else bytes([options, kind])
    return be16(age) + word + be32(link, router, 0x80000001) + be16(0xbeef, 20 + len(body) if length is None else length) + body


def ospfv2(d):
    def packet(kind, body, length=None, autype=0, authentication=b'\0' * 8, version=2, area=0, digest=b''):
        length = 24 + len(body) if length is None else length
        head = bytes([version, kind]) + be16(length) + be32(R1, area) + be16(0, autype)
        check = checksum(head + body) if autype < 2 else 0
        return head[:12] + be16(check) + head[14:] + authentication + body + digest

    def add(f, *args, **kw):
        cut = kw.pop('cut', None)
        f.add(v4(packet(*args, **kw), 89, ttl=1, dst=bytes([224, 0, 0, 5])), cut=cut)

    def lsa2(kind, body, **kw):
        return lsa(kind, body, version=2, **kw)

    def hello(*neighbors):
        return be32(0xffffff00) + be16(10) + b'\x12\1' + be32(40, 0xc0000201, 0xc0000202, *neighbors)

    def update(*lsas, count=None):
        return be32(len(lsas) if count is None else count) + b''.join(lsas)

    def link(kind, metric, tos=()):
        return be32(0xc0a80d01, 0xffffff00) + bytes([kind, len(tos)]) + be16(metric) + b''.join(be16(t, 9) for t in tos)

    router = lsa2(1, b'\7\0' + be16(3) + link(3, 1) + link(1, 65535, (2, 4)) + link(2, 10))
    network = lsa2(2, be32(0xffffff00, R1, R2))
    external = be32(0xffff0000, 0x80000014, 0xc0000207, 99)
    headers = router[:20] + network[:20]
    f = File(d, 'ospfv2', ETHERNET)
    add(f, HELLO, hello())
    add(f, HELLO, hello(R2, R3), area=0xc0a80101, autype=1, authentication=b'password')
    add(f, HELLO, hello(R2), autype=2, authentication=b'\0\0\1\x10' + be32(0x3c7a1b2d), digest=pattern(16))       # a digest behind it
    add(f, HELLO, hello(R2), autype=2, authentication=b'\xff' * 8)
    add(f, DESCRIPTION, be16(1476) + b'\x52\7' + be32(9354))
    add(f, DESCRIPTION, be16(0) + b'\x52\2' + be32(9355) + headers)
    add(f, REQUEST, be32(1, R1, R1) + be32(0x10000005, R2, R3))
    add(f, UPDATE, update(router, network, lsa2(3, be32(0xffffff00, 64), link=0xc0a80d00), lsa2(4, be32(0, 20), link=R2), lsa2(5, external, age=3600),
                          lsa2(7, external[:8] + be32(0, 0)), lsa2(10, pattern(12)), lsa2(6, b''), lsa2(11, b'')))
    add(f, UPDATE, update(lsa2(1, b'\0\0\0\0')))
    add(f, UPDATE, update())
    add(f, ACKNOWLEDGMENT, headers)
    add(f, ACKNOWLEDGMENT, b'')
    add(f, 6, b'')                                                       # contradictions
    add(f, HELLO, hello(), length=23)
    add(f, HELLO, hello(), length=100)
    add(f, HELLO, hello()[:19])
    add(f, HELLO, hello() + b'\0\1')
    add(f, ACKNOWLEDGMENT, headers + b'\0')
    add(f, REQUEST, be32(1, R1))
    add(f, UPDATE, update(router, count=2))
    add(f, UPDATE, update(count=0xffffffff))
    add(f, UPDATE, update(lsa2(1, b'\0\0' + be16(9) + link(3, 1))))
    add(f, UPDATE, update(lsa2(1, b'\0\0' + be16(1) + link(3, 1, (1, 2))[:-4])))
    add(f, UPDATE, update(lsa2(5, external[:15])))
    add(f, UPDATE, update(lsa2(2, be32(0xffffff00, R1) + b'\0')))
    add(f, UPDATE, update(lsa2(2, b'', length=19)))
    add(f, UPDATE, update(lsa2(2, be32(0xffffff00), length=400)))
    add(f, HELLO, hello(), version=4)                                    # neither
    f.add(v4(packet(HELLO, hello())[:20], 89))
    add(f, UPDATE, update(router, network), cut=14 + 20 + 24 + 4 + 72)   # between advertisements
    add(f, HELLO, hello(R2), cut=14 + 20 + 24 + 20)                      # before the neighbour
    add(f, HELLO, hello(R2), cut=14 + 20 + 13)
    f.close()


def ospfv3(d):
    def packet(kind, body, length=None, version=3, instance=0, area=1):
        length = 16 + len(body) if length is None else length
        return bytes([version, kind]) + be16(length) + be32(R1, area) + be16(0xf174) + bytes([instance, 0]) + body

    def add(f, *args, **kw):
        cut = kw.pop('cut', None)
        f.add(v6(packet(*args, **kw), 89, src=LL6, dst=ip6('ff02::5'), hops=1), cut=cut)

    def hello(*neighbors):
        return be32(5, 0x01000013) + be16(10, 40) + be32(R2, R1, *neighbors)

    def update(*lsas, count=None):
        return be32(len(lsas) if count is None else count) + b''.join(lsas)

    def prefix(length, data, options=0, metric=0):
        return bytes([length, options]) + be16(metric) + data

    p64, p0, p128, p56 = prefix(64, B6[:8], 2, 7), prefix(0, b''), prefix(128, A6, 255, 65535), prefix(56, A6[:8])
    router = lsa(0x2001, be32(0x01000033) + bytes([2, 0]) + be16(10) + be32(5, 6, R2) + bytes([1, 0]) + be16(65535) + be32(1, 2, R3))
    network = lsa(0x2002, be32(0x00000033, R1, R2))
    headers = router[:20] + network[:20]
    external = be32(0x04000014) + b'\x40\0' + be16(0) + A6[:8]
    f = File(d, 'ospfv3', ETHERNET)
    add(f, HELLO, hello())
    add(f, HELLO, hello(R2, R3), instance=255)
    add(f, DESCRIPTION, be32(0x13) + be16(1500, 7) + be32(9354))
    add(f, DESCRIPTION, be32(0xff000013) + be16(0, 0xff02) + be32(9355) + headers)
    add(f, REQUEST, be32(0x2001, R1, R1) + be32(0xffff4005, 1, R2))
    add(f, UPDATE, update(router, network, lsa(0x2003, be32(74) + p64[:4] + p64[4:]), lsa(0x2004, be32(0x33, 20, R2)), lsa(0x4005, external),
                          lsa(0x2007, be32(0x07ffffff) + b'\0\1' + be16(0x2001) + A6 + be32(99, 77)), lsa(0x0008, be32(0x01000033) + LL6 + be32(2) + p64 + p0),
                          lsa(0x2009, be16(2, 0x2002) + be32(5, R1) + p128 + p56), lsa(0xa00b, pattern(8)), lsa(0x2006, b''), lsa(0x8008, be32(0) + LL6 + be32(0))))
    add(f, UPDATE, update())
    add(f, ACKNOWLEDGMENT, headers)
    add(f, ACKNOWLEDGMENT, b'')
    f.add(v4(packet(HELLO, hello()), 89))                                # over IPv4 (RFC 7949)
    add(f, 9, b'')                                                       # contradictions
    add(f, HELLO, hello(), length=15)
    add(f, HELLO, hello(), length=500)
    add(f, HELLO, hello()[:18])
    add(f, UPDATE, update(router, count=3))
    add(f, UPDATE, update(lsa(0x2001, be32(1) + b'\0' * 15)))
    add(f, UPDATE, update(lsa(0x2003, be32(1) + prefix(129, A6 + b'\0' * 4))))
    add(f, UPDATE, update(lsa(0x2003, be32(1) + prefix(64, A6[:7]))))
    add(f, UPDATE, update(lsa(0x2009, be16(9, 0) + be32(0, 0) + p64)))
    add(f, UPDATE, update(lsa(0x0008, be32(1) + LL6 + be32(0xffffffff) + p64)))
    add(f, UPDATE, update(lsa(0x4005, be32(0x02000000) + b'\0\0' + be16(0) + A6[:15])))
    add(f, HELLO, hello(), version=1)                                    # neither
    add(f, UPDATE, update(router, network), cut=14 + 40 + 16 + 4 + 56)
    add(f, HELLO, hello(R2), cut=14 + 40 + 16 + 20)
    f.close()


FILES = (dhcpv4, dhcpv6, ntp, sip, igmp, sctp, vrrpv2, bfd, lldp, cdp, nortel, modbustcp, lcm, eap, eapol, eapolkey, ospfv2, ospfv3)
