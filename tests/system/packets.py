# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture of UDP packets between many address pairs, all different."""
import struct


def packet(i):
    src, dst = struct.pack('!I', 0x0a000000 + i % 250 + 1), struct.pack('!I', 0x0a010000 + i // 250 % 60000 + 1)
    data = b'netcap %08d' % i
    udp = struct.pack('!HHHH', 20000 + i % 20000, 9, 8 + len(data), 0) + data
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), i & 0xffff, 0, 64, 17, 0, src, dst)
    words = struct.unpack('!10H', head)
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack('!H', ~total & 0xffff) + head[12:]
    return b'\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0' + head + udp


def write(path, count):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(count):
            p = packet(i)
            f.write(struct.pack('<IIII', 1700000000 + i // 1000, i % 1000 * 1000, len(p), len(p)) + p)
