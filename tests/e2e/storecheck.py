# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the store share: runs storeload, and counts blocks in the files without our own code."""
import collections
import os
import struct
import subprocess
import zlib

from common import BUILD

LOAD = os.path.join(BUILD, 'tests/e2e/storeload')
EPOCH = 0x1122334455667788
SECONDS = 120


def config(name):
    return '#define %s 1' % name in open(os.path.join(BUILD, 'config.h')).read()


def blocks(path, strict):
    """The numbers of the whole blocks of a file. Not strict: it may end torn."""
    raw, at, out = open(path, 'rb').read(), 0, []
    while at < len(raw):
        if raw[at:at + 4] != b'\x1f\x8b\x08\x04' or len(raw) - at < 68:
            if strict:
                raise ValueError('%s: no block at %d' % (path, at))
            break
        kind, size, epoch, seq = raw[at + 17], *struct.unpack_from('<I', raw, at + 20), *struct.unpack_from('<QQ', raw, at + 44)
        if size > len(raw) - at:
            if strict:
                raise ValueError('%s: cut at %d' % (path, at))
            break
        zlib.decompress(raw[at:at + size], 31)
        if kind == 1 and epoch == EPOCH:
            out.append(seq)
        at += size
    return out


def stored(root, strict):
    """How often each number is there: in live, closing and finished files."""
    out, folder = collections.Counter(), os.path.join(root, 'alpha')
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.endswith(('.ncap.gz', '.ncap.gz.closing')):
            out.update(blocks(os.path.join(folder, name), strict))
    return out


def aside(root):
    """The numbers in files that were moved aside since they could not be read."""
    out, folder = set(), os.path.join(root, 'alpha')
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if '.damaged-' in name:
            out.update(blocks(os.path.join(folder, name), False))
    return out


def acknowledged(acks):
    lines = open(acks).read().split('\n')[:-1] if os.path.exists(acks) else []
    return collections.Counter(int(line) for line in lines)


def problem(root, acks, strict=True, count=None, expires=False):
    """What is wrong with what is there, in a line; None when nothing is. count: all up to it must be there."""
    there, acked = stored(root, strict), acknowledged(acks)
    twice = [n for n, k in there.items() if k > 1]
    again = [n for n, k in acked.items() if k > 1]
    gone = [] if expires else [n for n in set(acked) - aside(root) if not there[n]]
    missing = [n for n in range(1, (count or 0) + 1) if n not in acked]
    for what, which in (('stored twice', twice), ('acknowledged twice', again), ('acknowledged and not there', gone), ('not acknowledged', missing)):
        if which:
            return '%d %s, the first %d' % (len(which), what, min(which))
    return None


def load(root, acks, count, size, *more, env=None):
    """Runs storeload; -> CompletedProcess."""
    return subprocess.run([LOAD, root, acks, str(count), str(size), *map(str, more)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors='replace', timeout=SECONDS, env=dict(os.environ, **(env or {})))
