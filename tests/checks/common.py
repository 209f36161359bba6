# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks share: the tree, its files, and C text without comments and strings."""
import os
import re
import subprocess

SRC = os.path.abspath(os.environ.get('NC_SRC') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
BUILD = os.environ.get('NC_BUILD') or SRC
SKIP = 77
NOT_OURS = re.compile(r'^(\.git|autom4te\.cache|build[^/]*|aclocal\.m4|configure~?|config\.(h\.in~?|log|status|h)|m4|_build|_inst|.*\.pb-c\.[ch]|.*Makefile\.in|.*\.deps)(/|$)')


def files():
    """Paths of the tree's own files, relative to it: what git knows, or without git what looks like ours."""
    git = subprocess.run(['git', '-C', SRC, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                         capture_output=True) if os.path.exists(os.path.join(SRC, '.git')) else None
    if git and git.returncode == 0:
        names = [n for n in git.stdout.decode().split('\0') if n]
    else:
        names = []
        for top, dirs, here in os.walk(SRC):
            rel = os.path.relpath(top, SRC)
            dirs[:] = [d for d in dirs if not NOT_OURS.match(os.path.normpath(os.path.join(rel, d))) and d != '__pycache__']
            names += [os.path.normpath(os.path.join(rel, n)) for n in here]
    return sorted(n for n in set(names) if not NOT_OURS.match(n) and os.path.isfile(os.path.join(SRC, n)))


def read(name):
    with open(os.path.join(SRC, name), 'rb') as f:
        return f.read().decode('utf-8', 'replace')


C_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def c_code(text, keep_includes=False):
    """C without comments and the insides of strings; line numbers stay."""
    def blank(m):
        s = m.group(0)
        if s[0] == '/':
            return ' ' + '\n' * s.count('\n')
        if keep_includes and s[0] == '"':
            return s
        return s[0] + s[0]
    return C_TOKEN.sub(blank, text)


def finish(problems, what):
    for p in problems:
        print(p)
    if problems:
        print('%d %s' % (len(problems), what))
    return 1 if problems else 0
