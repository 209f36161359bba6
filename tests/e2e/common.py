# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: where things are, running the programs, reading record files without our own code."""
import collections
import gzip
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.abspath(os.environ.get('NC_SRC') or os.path.join(HERE, '../..'))
BUILD = os.path.abspath(os.environ.get('NC_BUILD') or SRC)
SHARED = os.path.abspath(os.environ.get('NC_SHARED') or os.path.join(SRC, '../shared'))


def skip(reason):
    print(reason)
    sys.exit(77)


def need_shared(*parts):
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        skip('no %s' % os.path.join('shared', *parts))
    return path


def netcap(*args, **kw):
    """Runs netcap; -> CompletedProcess with text output."""
    return subprocess.run([os.path.join(BUILD, 'netcap'), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors='replace', timeout=kw.pop('timeout', 300), **kw)


def captures(root):
    for base, dirs, names in sorted(os.walk(root)):
        dirs.sort()
        for name in sorted(names):
            if name != 'MANIFEST.csv':
                yield os.path.relpath(os.path.join(base, name), root)


def varint(b, i):
    v = shift = 0
    while True:
        c = b[i]
        i += 1
        v |= (c & 127) << shift
        if c < 128:
            return v, i
        shift += 7


def records(path):
    """The delimited messages of a record file, the header first, with gzip and a varint loop only."""
    raw = open(path, 'rb').read()
    if raw[:2] == b'\x1f\x8b':
        raw = gzip.decompress(raw)
    out, i = [], 0
    while i < len(raw):
        n, i = varint(raw, i)
        if i + n > len(raw):
            raise ValueError('%s: cut record' % path)
        out.append(raw[i:i + n])
        i += n
    return out


def folder_records(folder):
    """Type -> Counter of its records."""
    out = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if '.ncap' in name:
            out[name.split('.')[0]] = collections.Counter(records(os.path.join(folder, name))[1:])
    return out
