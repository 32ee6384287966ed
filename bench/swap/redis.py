#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redis with more values than memory: throughput, resident memory, dumps.

usage: redis.py LIBRARY [--gib N] [--limit SIZE] [--seconds N] [--pipeline N]
                [--keep FOLDER]

Fills a redis-server with values of 4 KiB that compress about 3 times, and reads
and writes them with Zipf access by redis-benchmark, first without a limit, then
with MM_OPTIONS=swap=8G,limit=SIZE. Says how many requests a second each way
took, the most that was resident, and whether DEBUG DIGEST is the same before
and after, and after BGSAVE in a server that loads the dump. Ends with 1 if a
digest differs or resident memory was above the limit.
"""
import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

VALUE = 4096
BATCH = 64


def value(i):
    """Text as programs store it: names that repeat, numbers that do not."""
    rng = random.Random(i)
    words = []
    while len(words) < 110:
        words.append(f'"field{rng.randrange(40)}": {rng.getrandbits(40)}, '
                     f'"state": "{rng.choice(("new", "open", "done"))}"')
    return ', '.join(words).encode()[:VALUE].ljust(VALUE, b' ')


VALUES = [value(i) for i in range(2000)]


def body(i):
    """The value of key i: unlike any other, made of few."""
    return b'%016d' % i + VALUES[i % len(VALUES)][16:]


class Server:
    def __init__(self, library, options, folder):
        self.path = os.path.join(folder, 'socket')
        if os.path.exists(self.path):
            os.unlink(self.path)
        env = dict(os.environ, LD_PRELOAD=library, MM_OPTIONS=options)
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.path,
             '--save', '', '--dir', folder, '--enable-debug-command', 'yes',
             '--maxmemory', '0'], env=env, stdout=subprocess.DEVNULL)
        while not os.path.exists(self.path):
            if self.process.poll() is not None:
                sys.exit('redis-server has ended')
            time.sleep(0.05)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)
        self.reader = self.sock.makefile('rb')
        self.peak, self.watching = 0, True
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Follow what is resident, in bytes."""
        while self.watching:
            try:
                with open(f'/proc/{self.process.pid}/statm') as f:
                    now = int(f.read().split()[1]) * 4096
            except OSError:
                return
            self.peak = max(self.peak, now)
            time.sleep(0.02)

    def send(self, *commands):
        out = []
        for command in commands:
            out.append(b'*%d\r\n' % len(command))
            for word in command:
                word = word if isinstance(word, bytes) else word.encode()
                out.append(b'$%d\r\n%s\r\n' % (len(word), word))
        self.sock.sendall(b''.join(out))

    def answer(self):
        line = self.reader.readline()
        if line[:1] == b'-':
            sys.exit(f'redis says {line!r}')
        if line[:1] == b'$':
            size = int(line[1:])
            return self.reader.read(size + 2)[:-2] if size >= 0 else None
        return line[1:-2]

    def call(self, *command):
        self.send(command)
        return self.answer()

    def wait_until_loaded(self):
        while True:
            self.send(('DBSIZE',))
            line = self.reader.readline()
            if line[:1] == b':':
                return int(line[1:])
            time.sleep(0.2)

    def end(self):
        self.watching = False
        self.send(('SHUTDOWN', 'NOSAVE'))
        self.process.wait()


def fill(server, nr):
    for i in range(0, nr, BATCH):
        keys = range(i, min(i + BATCH, nr))
        server.send(*((b'SET', b'key:%d' % k, body(k)) for k in keys))
        for _ in keys:
            server.answer()


# Keys with probability 1/rank; ranks lie anywhere. One of ten is written, too.
SCRIPT = """
local rank = math.floor(ARGV[2] ^ (ARGV[1] / 1e9))
local nr = rank * 2654435761 % ARGV[2]
local key = string.format('key:%d', nr)
local value = redis.call('GET', key)
if nr % 10 == 0 then redis.call('SET', key, value) end
return value
"""


def run(server, nr, seconds, pipeline):
    """Requests a second of redis-benchmark; its speed says how many to make."""
    requests, took = 2000, 0
    while took < seconds:
        requests = int(requests * min(10, seconds * 1.1 / max(took, 0.01)))
        start = time.monotonic()
        subprocess.run(['redis-benchmark', '-s', server.path, '-q', '-n',
                        str(requests), '-P', str(pipeline), '-r', '1000000000',
                        'EVAL', SCRIPT, '0', '__rand_int__', str(nr)],
                       check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - start
    return requests / took


def size(text):
    units = {'K': 10, 'M': 20, 'G': 30}
    return int(text[:-1]) << units[text[-1]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('library')
    parser.add_argument('--gib', type=float, default=2)
    parser.add_argument('--limit', default='700M')
    parser.add_argument('--seconds', type=float, default=20)
    parser.add_argument('--pipeline', type=int, default=1)
    parser.add_argument('--keep')
    args = parser.parse_args()
    nr = int(args.gib * (1 << 30) / VALUE)
    folder = args.keep or tempfile.mkdtemp(dir='/var/tmp')
    rates, failed = {}, False
    for way, options in (('unlimited', ''),
                         ('limited', f'swap=8G,limit={args.limit}')):
        server = Server(args.library, options, folder)
        fill(server, nr)
        before = server.call('DEBUG', 'DIGEST')
        run(server, nr, args.seconds / 2, args.pipeline)
        rates[way] = run(server, nr, args.seconds, args.pipeline)
        after = server.call('DEBUG', 'DIGEST')
        print(f'{way:10} {rates[way]:9.0f} requests/s, '
              f'{server.peak >> 20} MiB resident at most', flush=True)
        failed |= before != after
        if way == 'limited':
            failed |= server.peak > size(args.limit)
            server.call('BGSAVE')
            while b'rdb_bgsave_in_progress:1' in server.call('INFO',
                                                             'persistence'):
                time.sleep(0.2)
            print(f'{server.peak >> 20} MiB after BGSAVE, digest '
                  f'{"the same" if before == after else "DIFFERS"}')
            failed |= server.peak > size(args.limit)
        server.end()
    server = Server(args.library, f'swap=8G,limit={args.limit}', folder)
    server.wait_until_loaded()
    loaded = server.call('DEBUG', 'DIGEST')
    server.end()
    print(f'the dump, loaded: digest '
          f'{"the same" if loaded == after else "DIFFERS"}')
    failed |= loaded != after
    print(f'{100 * rates["limited"] / rates["unlimited"]:.0f} % of the '
          f'requests')
    if not args.keep:
        shutil.rmtree(folder)
    sys.exit(failed)


if __name__ == '__main__':
    main()
