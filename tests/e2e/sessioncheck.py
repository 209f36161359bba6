# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share that break sessions: sensors without packets (sessionload), what they said, and what is in the collector's files."""
import collections
import json
import os
import shutil
import signal
import struct
import subprocess
import zlib

from common import BUILD
from daemons import DEADLINE, Collector

LOAD = os.path.join(BUILD, 'tests/e2e/sessionload')
LINE = os.path.join(BUILD, 'tests/e2e/badline')


def blocks(folder, strict=True):
    """(epoch, seq) -> list of record counts, one for each time that the block is in a sensor's files. Not strict: they may end torn."""
    out = collections.defaultdict(list)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if not name.endswith(('.ncap.gz', '.ncap.gz.closing')):
            continue
        with open(os.path.join(folder, name), 'rb') as f:
            raw = f.read()
        at = 0
        while at < len(raw):
            whole = len(raw) - at >= 68 and raw[at:at + 4] == b'\x1f\x8b\x08\x04' and raw[at + 12:at + 14] == b'NC'
            kind, size, count, epoch, seq = (raw[at + 17], *struct.unpack_from('<II', raw, at + 20), *struct.unpack_from('<QQ', raw, at + 44)) \
                if whole else (0, 0, 0, 0, 0)
            if not whole or size > len(raw) - at:
                if strict:
                    raise AssertionError('%s/%s: damaged at %d' % (folder, name, at))
                break
            zlib.decompress(raw[at:at + size], 31)
            if kind == 1:
                out[epoch, seq].append(count)
            at += size
    return out


class Said:
    """What a load said in its log, of all its starts."""

    def __init__(self, path):
        self.built, self.acked, self.rejected = set(), set(), set()
        self.starts, self.ends, self.refusals = 0, 0, 0
        self.dropped = self.memory = 0   # of this start
        self.counted = 0                 # blocks that were given up, or in memory when it was killed
        self.given_up = 0                # only those
        running = False
        for line in open(path) if os.path.exists(path) else []:
            word, *numbers = line.split()
            numbers = [int(n) for n in numbers]
            if word == 'S':
                if running:
                    self.counted += self.dropped + self.memory + 1
                    self.given_up += self.dropped
                self.dropped = self.memory = 0
                self.starts, running = self.starts + 1, True
            elif word == 'B':
                self.built.add(tuple(numbers))
            elif word == 'M':
                self.dropped, self.memory = numbers
            elif word == 'A':
                self.acked.update((numbers[0], n) for n in range(numbers[1], numbers[2] + 1))
            elif word == 'R':
                self.refusals += 1
                if numbers[2]:
                    self.rejected.add((numbers[0], numbers[1]))
            elif word == 'E':
                self.counted, self.given_up, self.kept = self.counted + numbers[0], self.given_up + numbers[0], numbers[1]
                self.ends, running = self.ends + 1, False


def problem(path, folder, strict=True, ended=True):
    """What is wrong with what a load was told, against what is in its files; None when nothing is."""
    said, there = Said(path), blocks(folder, strict)
    twice = [b for b, counts in there.items() if len(counts) > 1]
    for what, which in (('there twice', twice), ('there and never built', set(there) - said.built),
                        ('acknowledged and not there', said.acked - set(there)), ('rejected for good', said.rejected)):
        if which:
            return '%d blocks %s, such as %r' % (len(which), what, min(which))
    missing = len(said.built - set(there))
    if ended and missing > said.counted:
        return '%d blocks are not there, and %d of them were not counted' % (missing, missing - said.counted)
    if ended and said.ends and said.kept:
        return '%d blocks stayed in the spool' % said.kept
    return None


class Line:
    """The bad line before the collector."""

    def __init__(self, net, where, port, to):
        self.port = port
        self.process = subprocess.Popen(net.command(where, LINE, str(port), str(to)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'ready\n':
            raise AssertionError('the proxy does not start')

    def tell(self, text):
        self.process.stdin.write(text + '\n')
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait(DEADLINE)


class Load:
    """A sensor without packets."""

    def __init__(self, folder, net, where, port, key, number=0, **options):
        self.folder, self.net, self.where, self.port, self.key = folder, net, where, port, key
        self.number, self.options = number, options
        self.name = 'load-%d' % number
        self.state, self.log, self.err = (os.path.join(folder, n) for n in ('load', self.name + '.told', self.name + '.log'))
        self.process = None

    def start(self, **more):
        options = {'first': self.number, 'log': self.log, **self.options, **more}
        argv = [LOAD, 'run', self.state, '127.0.0.1:%d' % self.port, self.key, *('%s=%s' % o for o in options.items())]
        with open(self.err, 'ab') as err:
            self.process = subprocess.Popen(self.net.command(self.where, *argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                                            text=True)
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.process = None

    def finish(self, stop=True, seconds=DEADLINE):
        """Waits until all that it built is acknowledged or given up; -> what it says at its end."""
        if stop:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=seconds + 30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError('%s does not come to an end' % self.name)
        status, self.process = self.process.returncode, None
        if status:
            raise AssertionError('%s ended with %d: %s' % (self.name, status, out))
        return json.loads(out)


def collector(folder, net, where, port, loads=1, **settings):
    """A collector that knows the keys of so many loads."""
    c = Collector(folder, '127.0.0.1:%d' % port, net, where, **settings)
    subprocess.run([LOAD, 'authorise', os.path.join(folder, 'load'), str(loads), c.sensors], check=True)
    return c


def start_again(c, env=None):
    """Starts a collector that may die at once; -> whether it lived."""
    try:
        c.start(env)
    except AssertionError:
        if c.alive():
            raise
        c.kill()
        return False
    return True


def configured(name):
    with open(os.path.join(BUILD, 'config.h')) as f:
        return '#define %s 1' % name in f.read()


def fresh(folder):
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder
