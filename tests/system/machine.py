# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian 12 machine in a container, booted with systemd: made by mmdebstrap, run by systemd-nspawn, entered by nsenter."""
import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

# what the packages depend on stands here as well, so that they install without any network
INCLUDE = ('systemd', 'systemd-sysv', 'iproute2', 'tcpreplay', 'procps', 'libpcap0.8', 'libprotobuf-c1', 'libdeflate0', 'libisal2', 'libsodium23',
           'libconfig9', 'libjansson4', 'libseccomp2', 'libmicrohttpd12', 'zlib1g', 'python3-minimal', 'util-linux')
BOOT = 120


class Machine:
    """run() and the like raise when the command fails; what it wrote is in the exception's text."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix='netcap-system.')
        self.root = os.path.join(self.top, 'root')
        self.nspawn = self.leader = None
        atexit.register(self.close)

    def make(self):
        """None, or why it can't be made. $NC_SYSTEM_ROOT names a tar file that keeps the machine between runs."""
        kept = os.environ.get('NC_SYSTEM_ROOT')
        tar = kept or os.path.join(self.top, 'root.tar')
        os.mkdir(self.root)
        if not os.path.exists(tar):
            why = self.install(tar)
            if why:
                return why
        subprocess.run(['tar', '-C', self.root, '-xf', tar], check=True)
        if not kept:
            os.unlink(tar)
        return None

    @staticmethod
    def install(tar):
        r = subprocess.run(['mmdebstrap', '-q', '--variant=minbase', '--include=' + ','.join(INCLUDE), 'bookworm', tar],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            return r.stdout.strip().splitlines()[-1] if r.stdout.strip() else 'mmdebstrap failed'
        return None

    def boot(self):
        """None, or why it does not."""
        log = open(os.path.join(self.top, 'boot.log'), 'w')
        self.nspawn = subprocess.Popen(['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--private-network', '--console=pipe',
                                        '--boot', '--directory', self.root], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + BOOT
        while time.monotonic() < end and self.nspawn.poll() is None:
            self.leader = self.leader or self.find_leader()
            if self.leader and self.try_('systemctl', 'is-system-running').stdout.strip() in ('running', 'degraded'):
                return None
            time.sleep(0.2)
        text = open(os.path.join(self.top, 'boot.log')).read().strip().splitlines()
        return text[-1] if text else 'it did not come up'

    def find_leader(self):
        r = subprocess.run(['pgrep', '-P', str(self.nspawn.pid)], stdout=subprocess.PIPE, text=True)
        return r.stdout.split()[0] if r.stdout.split() else None

    def command(self, argv):
        return ['nsenter', '--target', self.leader, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd', 'env', '-i',
                'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive',
                'SYSTEMD_PAGER=', *argv]

    def try_(self, *argv, **kw):
        return subprocess.run(self.command(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors='replace', timeout=kw.pop('timeout', 120), **kw)

    def run(self, *argv, **kw):
        r = self.try_(*argv, **kw)
        if r.returncode:
            raise AssertionError('%s: exit status %d\n%s%s' % (' '.join(argv), r.returncode, r.stdout[-3000:], r.stderr[-3000:]))
        return r.stdout

    def sh(self, text, **kw):
        return self.run('sh', '-ec', text, **kw)

    def spawn(self, *argv, **kw):
        return subprocess.Popen(self.command(argv), stdin=subprocess.DEVNULL, **kw)

    def path(self, inside):
        """Of a file of the machine, as seen from outside. Only what is no tmpfs."""
        return os.path.join(self.root, inside.lstrip('/'))

    def put(self, inside, text, mode=0o644):
        with open(self.path(inside), 'w') as f:
            f.write(text)
        os.chmod(self.path(inside), mode)

    def edit(self, inside, pattern, to):
        """Replaces one line of a file; its owner and mode stay."""
        with open(self.path(inside), 'r+') as f:
            text, n = re.subn(pattern, to, f.read(), count=1, flags=re.M)
            if n != 1:
                raise AssertionError('%s has no line %s' % (inside, pattern))
            f.seek(0)
            f.truncate()
            f.write(text)

    def close(self):
        if self.nspawn and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(20)
            except subprocess.TimeoutExpired:
                if self.leader:
                    os.kill(int(self.leader), signal.SIGKILL)
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn = None
        shutil.rmtree(self.top, ignore_errors=True)
