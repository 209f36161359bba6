# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces, and the daemons run in them by hand: start, stop, ask, wait for what should become of it."""
import atexit
import collections
import contextlib
import ctypes
import gzip
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from common import BUILD, records, skip

DEADLINE = float(os.environ.get('NC_DEADLINE') or 60)  # seconds; slow machines and sanitizers need some of it
PAUSE = 0.03   # between two looks
NOBODY = ('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups')
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def need(*tools, root=True):
    """Skips the test where it can't run."""
    if root and os.geteuid() != 0:
        skip('needs root')
    for tool in tools:
        if not shutil.which(tool):
            skip('%s is not installed' % tool)
    if 'ip' in tools:
        name = 'nc%dt' % os.getpid()
        r = subprocess.run(['ip', 'netns', 'add', name], stderr=subprocess.PIPE, text=True)
        if r.returncode:
            skip('no network namespaces here: %s' % r.stderr.strip())
        subprocess.run(['ip', 'netns', 'del', name], check=True)


def until(what, look, seconds=DEADLINE):
    """Waits until look() gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError('not in %d s: %s (last: %r)' % (seconds, what, value))
        time.sleep(PAUSE)


def same(what, have, want):
    if have != want:
        raise AssertionError('%s: %r instead of %r' % (what, have, want))


def holds(what, value, shown=None):
    if not value:
        raise AssertionError(what if shown is None else '%s: %s' % (what, shown))


class Net:
    """Namespaces with short names, removed at the end."""

    def __init__(self, *names):
        self.names = {n: 'nc%d%s' % (os.getpid(), n) for n in names}
        self.here = os.open('/proc/self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        atexit.register(self.close)
        for name in self.names.values():
            self.ip('netns', 'add', name)
        for n in names:
            self.run(n, 'sh', '-c', 'for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done 2>/dev/null; ip link set lo up')

    def ip(self, *args):
        return subprocess.run(['ip', *args], check=True, stdout=subprocess.PIPE, text=True).stdout

    def command(self, n, *argv):
        return ['ip', 'netns', 'exec', self.names[n], *argv]

    def run(self, n, *argv, **kw):
        return subprocess.run(self.command(n, *argv), check=True, stdout=subprocess.PIPE, text=True, **kw).stdout

    @contextlib.contextmanager
    def inside(self, n):
        """What is opened in here, by this thread, belongs to the namespace."""
        fd = os.open('/run/netns/' + self.names[n], os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), 'setns')
            yield
        finally:
            libc.setns(self.here, CLONE_NEWNET)
            os.close(fd)

    def veth(self, a, a_if, b, b_if, a_ip=None, b_ip=None):
        """A pair between two namespaces. Neighbours are set and there are no addresses of IPv6, so that the kernel itself sends nothing."""
        self.ip('-n', self.names[a], 'link', 'add', a_if, 'type', 'veth', 'peer', 'name', b_if, 'netns', self.names[b])
        for n, name, address in ((a, a_if, a_ip), (b, b_if, b_ip)):
            if address:
                self.ip('-n', self.names[n], 'address', 'add', address + '/24', 'dev', name)
            # disable_ipv6 can't be set where /proc/sys is read-only
            self.run(n, 'sh', '-c', 'ip link set "$1" addrgenmode none 2>/dev/null; ip link set "$1" up', 'sh', name)
        for n, name, other, there, address in ((a, a_if, b, b_if, b_ip), (b, b_if, a, a_if, a_ip)):
            if address:
                self.ip('-n', self.names[n], 'neighbour', 'replace', address, 'lladdr', self.link(other, there)['address'], 'dev', name,
                        'nud', 'permanent')

    def link(self, n, name):
        return json.loads(self.ip('-n', self.names[n], '-s', '-j', 'link', 'show', 'dev', name))[0]

    def packets(self, n, name):
        """Packets that the interface received and sent."""
        s = self.link(n, name)['stats64']
        return s['rx']['packets'], s['tx']['packets']

    def close(self):
        for name in self.names.values():
            subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL)
        self.names = {}


class Notes:
    """The service manager's end of sd_notify."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            data = self.socket.recv(65536)
            if data == b'END':
                return
            with self.changed:
                self.lines.append(data.decode('utf-8', 'replace').splitlines())
                self.changed.notify_all()

    def flat(self, since=0):
        return [line for lines in self.lines[since:] for line in lines]

    def wait(self, text, since=0, alive=lambda: True, count=1):
        """The lines since then, as soon as `count` of them begin with text."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while sum(line.startswith(text) for line in self.flat(since)) < count:
                if not alive() or time.monotonic() > end:
                    raise AssertionError('no %s from the daemon: %r' % (text, self.flat(since)))
                self.changed.wait(0.2)
            return self.flat(since)

    def close(self):
        """What was told stays."""
        if not self.reader.is_alive():
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b'END', self.path)
        self.reader.join()
        self.socket.close()


class Daemon:
    """One daemon with its configuration, log and sockets in `folder`."""
    program = word = None

    def __init__(self, folder, settings, net=None, where=None):
        self.folder, self.settings, self.net, self.where = folder, settings, net, where
        self.config = os.path.join(folder, self.word + '.conf')
        self.log = os.path.join(folder, self.word + '.log')
        self.socket = os.path.join(folder, self.word + '.sock')
        self.process = self.notes = None
        self.write()

    def write(self, **changes):
        """The configuration, with changes."""
        self.settings.update(changes)
        with open(self.config, 'w') as f:
            for key, value in self.settings.items():
                f.write('%s = %s;\n' % (key, conf(value)))

    def start(self, env=None):
        path = os.path.join(self.folder, self.word + '.notify')
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.notes = Notes(path)
        argv = [os.path.join(BUILD, self.program), '--config', self.config]
        if self.where:
            argv = self.net.command(self.where, *argv)
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(os.environ, NOTIFY_SOCKET=path, **(env or {})))
        self.notes.wait('READY=1', alive=self.alive)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def tell(self, number):
        self.process.send_signal(number)

    def stop(self, want=0):
        """SIGTERM; the exit status must be `want`."""
        self.tell(signal.SIGTERM)
        status = self.process.wait(timeout=DEADLINE)
        self.notes.close()
        self.process = None
        same('%s: exit status' % self.program, status, want)

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        if self.notes:
            self.notes.close()
        self.process = None

    def reload(self, number=signal.SIGHUP):
        seen = len(self.notes.lines)
        self.tell(number)
        return self.notes.wait('READY=1', seen, self.alive)

    def ctl(self, *args, **kw):
        return ctl('--socket', self.socket, self.word, *args, **kw)

    def status(self):
        r = self.ctl('--json', 'status')
        same('netcapctl status: %s' % r.stderr, r.returncode, 0)
        return json.loads(r.stdout)['status']

    def text(self):
        with open(self.log, errors='replace') as f:
            return f.read()


class Collector(Daemon):
    program, word = 'netcap-collectord', 'collectord'

    def __init__(self, folder, address, net=None, where=None, transport='session', **settings):
        os.makedirs(folder, exist_ok=True)
        listen = {'listen': [address]} if transport == 'session' else {'listen': [], 'datagram': {'listen': [address]}}
        self.keys, self.sensors, self.root = (os.path.join(folder, n) for n in ('keys', 'sensors.d', 'records'))
        os.makedirs(self.sensors, exist_ok=True)
        if not os.path.isdir(self.keys):
            subprocess.run([os.path.join(BUILD, self.program), '--gen-keypair', self.keys], check=True, stdout=subprocess.DEVNULL)
        super().__init__(folder, {**listen, 'keys': self.keys, 'sensors': self.sensors, 'root': self.root,
                                  'flush_interval': '100ms', 'control': {'socket': os.path.join(folder, 'collectord.sock')}, **settings},
                         net, where)

    @property
    def key(self):
        return os.path.join(self.keys, 'pub.key')

    def authorise(self, sensor, name, reload=True):
        shutil.copy(os.path.join(sensor.state, 'pub.key'), os.path.join(self.sensors, name + '.pub'))
        if reload:
            self.reload()

    def stored(self, name, ledgers=False):
        """Type -> number of records in the sensor's files, which must be whole. Ledgers come with the time, not with packets."""
        folder = os.path.join(self.root, name)
        out = collections.Counter()
        for f in os.listdir(folder) if os.path.isdir(folder) else []:
            if f.endswith('.ncap.gz') and (ledgers or not f.startswith('LossLedger.')):
                with gzip.open(os.path.join(folder, f)) as g:
                    g.read()
                out[f.split('.')[0]] += len(records(os.path.join(folder, f))) - 1
        return out

    def sensor(self, name):
        return next((s for s in self.status()['sensors'] if s['name'] == name), None)


# Their records come when a flow ends, or a flush cuts it: tests that count records leave them out.
FLOWS = ('Flow', 'Connection', 'LinkFlow', 'NetworkFlow', 'TransportFlow', 'HTTP')


class Sensor(Daemon):
    program, word = 'netcap-sensord', 'sensord'

    def __init__(self, folder, address, key, interface, net=None, where=None, transport='session', **settings):
        os.makedirs(folder, exist_ok=True)
        self.state = os.path.join(folder, 'state')
        super().__init__(folder, {'name': 'test', 'interfaces': [interface], 'state': self.state, 'workers': 2, 'exclude': FLOWS,
                                  'collector': {'address': address, 'key': key, 'transport': transport}, 'batch': {'interval': '200ms'},
                                  'control': {'socket': os.path.join(folder, 'sensord.sock')}, **settings}, net, where)

    def interface(self):
        return self.status()['interfaces'][0]


def conf(value):
    """A value as libconfig writes it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, dict):
        return '{ %s }' % ' '.join('%s = %s;' % (k, conf(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return '[%s]' % ', '.join(conf(v) for v in value)
    return str(value) if isinstance(value, int) else '"%s"' % value


def ctl(*args, program=None, before=(), env=None):
    return subprocess.run([*before, program or os.path.join(BUILD, 'netcapctl'), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=DEADLINE, env=env)


def drops(status):
    """All packets that an interface's status counts as not decoded."""
    return sum(status['drops'].values())


def frames(count, seed=1, size=20):
    """Ethernet frames with UDP datagrams that hardly compress, each another flow, on ports that no protocol has."""
    state = seed * 0x9e3779b97f4a7c15 & 0xffffffffffffffff
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xffffffffffffffff
        a, b = state >> 40, state >> 16 & 0xffffff
        ip = struct.pack('!BBHHHBBHBBHBBH', 0x45, 0, 28 + size, i & 0xffff, 0, 64, 17, 0, 10, a >> 16, a & 0xffff, 10, b >> 16, b & 0xffff)
        udp = struct.pack('!HHHH', 61001 + a % 500, 62001 + b % 500, 8 + size, 0)
        yield b'\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0' + ip + udp + (state.to_bytes(8, 'big') * (size // 8 + 1))[:size]


def blast(net, n, interface, count, seed=1, size=20):
    """Sends frames as they are; returns when all are with the interface."""
    with net.inside(n):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with s:
        s.bind((interface, 0))
        for frame in frames(count, seed, size):
            s.send(frame)


def write_pcap(path, packets):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for i, p in enumerate(packets):
            f.write(struct.pack('<IIII', 1700000000 + i // 1000, i % 1000 * 1000, len(p), len(p)) + p)


def run_cases(cases, cleanup=(), logs=lambda: ()):
    """Runs functions with what they need; -> exit status. After a failure the ends of the logs follow."""
    failed = 0
    try:
        for case in cases:
            start = time.monotonic()
            try:
                case()
                print('ok %s (%.1f s)' % (case.__name__, time.monotonic() - start))
            except Exception as e:  # the other cases go on
                failed += 1
                if not isinstance(e, AssertionError):
                    traceback.print_exc(file=sys.stdout)
                print('FAIL %s: %s' % (case.__name__, e))
                for path in logs():
                    if os.path.exists(path):
                        print('   --- %s' % os.path.basename(path))
                        for line in open(path, errors='replace').read().splitlines()[-12:]:
                            print('   ' + line)
            sys.stdout.flush()
    finally:
        for c in cleanup:
            c()
    return 1 if failed else 0


def scratch():
    """A folder that others may look into, since some tests run as nobody; so must be the one that tests/run made for it."""
    t = tempfile.TemporaryDirectory(prefix='nc-')
    os.chmod(t.name, 0o755)
    parent = os.path.dirname(t.name)
    if os.path.basename(parent).startswith('nc-test-'):
        os.chmod(parent, 0o711)
    return t


def can_be_nobody(folder):
    """Whether a program run as nobody gets into the folder; says so if not."""
    if os.geteuid() == 0 and shutil.which('setpriv') and subprocess.run([*NOBODY, 'test', '-x', folder]).returncode == 0:
        return True
    print('   not all done: needs root, setpriv, and a folder for temporary files that everybody may enter')
    return False
