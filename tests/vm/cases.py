# SPDX-License-Identifier: MIT
"""What is tried in virtual machines: one row each.

A row has a machine, the commands of one boot, written with prelude.sh, and
what they need beside the test programs. A control that has to fail stands
next to what it controls.
"""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from kernels import KERNELS, Unavailable
from vm import Machine, Node

HERE = Path(__file__).parent

# Every node has another order of the others, and no distance is the same in
# both directions: 0,2,1,3 and 1,0,3,2 and 2,1,3,0 and 3,2,0,1.
ASYMMETRIC = ((10, 30, 20, 40),
              (20, 10, 40, 30),
              (40, 20, 10, 30),
              (30, 40, 20, 10))
QUAD = Machine([Node(1, 256)] * 4, ASYMMETRIC)
SMALL_QUAD = Machine([Node(1, 160)] * 4, ASYMMETRIC)
# Node 2 has CPUs only; node 4 has memory only and is far from all, as memory
# behind CXL is.
ODD = Machine([Node(1, 192), Node(1, 192), Node(1, 0), Node(1, 192),
               Node(0, 192)],
              ((10, 20, 30, 25, 60),
               (20, 10, 30, 25, 60),
               (30, 35, 10, 20, 60),
               (25, 26, 20, 10, 60),
               (60, 60, 60, 60, 10)))
SINGLE = Machine([Node(2, 512)])


def no_files():
    """Nothing but the test programs."""
    return ()


def python_files():
    """Python, and those of its modules that the workload imports here."""
    python, workload = '/usr/bin/python3', HERE / 'workload.py'
    if not Path(python).exists():
        raise Unavailable(f'no {python}')
    show = ('import runpy, sys; runpy.run_path(sys.argv[1]); print(*('
            'name for m in list(sys.modules.values()) for name in '
            '(getattr(m, "__file__", 0), getattr(m, "__cached__", 0)) '
            'if name), sep="\\n")')
    listing = subprocess.run([python, '-I', '-c', show, workload], check=True,
                             capture_output=True, text=True).stdout
    names = [name for name in listing.splitlines()
             if re.match('/usr/lib/', name) and Path(name).exists()]
    return [python, *names, (workload, '/bin/workload.py')]


def redis_files():
    """The server and its benchmark."""
    return ['/usr/bin/redis-server', '/usr/bin/redis-benchmark']


@dataclass
class Case:
    """A row."""
    name: str
    machine: Machine
    commands: str
    files: Callable = no_files
    kernels: Sequence[str] = tuple(KERNELS)


CASES = [
    Case('placement', QUAD, '''
        must mm where -r 3 0:0 1:1 2:2 3:3
        must mm user where 3:3 2:2 1:1 0:0
        wont numactl --membind=0 where -s 0:0 1:1
    '''),
    Case('home', QUAD, '''
        for size in 64 1024 8192 65536 1048576; do
            must mm home 0 3 $size
            must mm home 2 1 $size
        done
        wont numactl --membind=0 home 0 3 1024
    '''),
    Case('migrate', QUAD, '''
        must mm migrate 0 3 1024 16000
        must mm migrate 3 1 8192 4000
        must mm migrate 1 2 40960 1000
        must mm stress -t 8 -n 6000
        must opt check=on stress -t 8 -n 2000
        wont numactl --membind=0 migrate 0 3 1024 1000
    '''),
    Case('fallback', SMALL_QUAD, '''
        for size in 1024 16384 262144 4194304; do
            must mm fill 0 $size 0,2,1,3
        done
        must mm fill 3 65536 3,2,0,1
        must mm user fill 1 65536 1,0,3,2
        must mm squeeze 0 2
        must mm user squeeze 3 2
        wont fill 0 65536 0,1,2,3
        wont squeeze 0 1
        # the kernel leaves a node earlier than it usually does
        echo 40000 >/proc/sys/vm/min_free_kbytes
        must mm fill 3 65536 3,2,0,1
        must mm user fill 1 65536 1,0,3,2
    '''),
    Case('onnode', QUAD, '''
        must mm onnode 0 0 1 2 3
        must mm user onnode 3 1 2
        must opt check=on onnode 1 3
        must opt numa=off where -s 0:0
        wont mm numactl --membind=0 onnode 0 1
    '''),
    Case('dma', SINGLE, '''
        must mm frames
        must opt check=on frames
        must mm place
        ulimit -l unlimited
        must mm user place
        wont mm frames plain
    '''),
    Case('policy', QUAD, '''
        must mm numactl --membind=1 where 0:1
        must mm user numactl --membind=1 where -s 0:1 2:1
        must mm numactl --interleave=all where -s 0,1,2,3
        must mm numactl --interleave=1,3 where -s 0:1,3
        must mm numactl --cpunodebind=0 --preferred=3 where 3
        must mm numactl --cpunodebind=2 where 2
        must mm user numactl --localalloc where -s 1:1 2:2
        must cpuset 1-3 mm where -s 1:1 2:2 3:3
        must cpuset 1-3 mm where -s 0:2
        must cpuset 2 mm where -s 0:2 1:2 2:2 3:2
        wont numactl --membind=2 where -s 1
        wont numactl --preferred=3 where -s 0,1,2,3
    '''),
    Case('odd', ODD, '''
        must mm where -s 0:0 1:1 2:3 3:3
        must mm fill 0 262144 0,1,3,4
        must mm fill 2 65536 3,0,1,4
        must mm user fill 1 65536 1,0,3,4
        wont where -s 0:4
    '''),
    Case('single', SINGLE, '''
        must mm where 0:0 0
        must [ $(mm preferred) = 0 ]
        must one_line prefer opt numa=prefer:1 where -s 0
    '''),
    Case('options', QUAD, '''
        must opt numa=local where -s 0:0 3:3
        must opt numa=interleave where -s 0:0,1,2,3
        must opt numa=interleave:1,3 where -s 0:1,3
        must opt numa=interleave:all where -s 2:0,1,2,3
        must opt numa=interleave:0-1,check=on where -s 2:0,1
        must opt numa=prefer:2 where -s 0:2 3:2
        must opt check=on,numa=prefer:2 where -s 0:2 1:2
        must opt numa=off where -s 0:0 3:3
        must [ $(opt numa=off preferred) = 0 ]
        must [ $(opt numa=local preferred) != 0 ]
        must one_line 9 opt numa=prefer:9 where -s 1:1
        must one_line 9 opt numa=interleave:1,9 where -s 1:1
        wont opt numa=prefer:2 where -s 0:0
    '''),
    Case('programs', QUAD, '''
        python3 /bin/workload.py >/tmp/glibc || failed=1
        mm python3 /bin/workload.py >/tmp/libmm || failed=1
        must cmp /tmp/glibc /tmp/libmm
        must [ -s /tmp/libmm ]
        LD_PRELOAD=/lib/libmm.so /usr/bin/setpriv --reuid=1000 --clear-groups \\
            redis-server --unixsocket /tmp/socket --port 0 --save '' \\
            >/tmp/redis.log &
        until [ -S /tmp/socket ] || ! kill -0 $!; do sleep 0.1; done
        must grep -q libmm.so /proc/$!/maps
        must redis-benchmark -s /tmp/socket -n 3000 -d 300 -q \\
            -t set,get,lpush,lrange_100 >/tmp/redis.out
        tr '\\r' '\\n' </tmp/redis.out | grep -E 'FAILED|per second'
        kill $!
        must wait $!
    ''', lambda: [*python_files(), *redis_files()]),
    Case('overcommit', QUAD, '''
        sysctl -w vm.overcommit_memory=2
        must mm where -s 0:0 1:1
        must mm user where -s 2:2 3:3
        must mm bash -c 'for i in {1..3000}; do x+=$i; done; [ ${#x} -gt 9999 ]'
        ends 2 mm fill 0 1048576 0
        ends 2 mm user fill 0 1048576 0
        sysctl -w vm.overcommit_memory=1
        must mm where -s 0:0 3:3
        sysctl -w vm.overcommit_memory=0 vm.nr_hugepages=8
        must grep -q 'HugePages_Total: *8' /proc/meminfo
        must mm where -s 0:0 3:3
        must opt thp=always where -s 0:0 3:3
        sysctl -w vm.nr_hugepages=0
        must opt thp=always where -s 0:0 3:3
    ''', lambda: ['/bin/bash']),
    Case('exchange', QUAD, '''
        for nodes in '0 3' '2 1'; do
            glibc=$(exchange $nodes) libmm=$(mm exchange $nodes)
            echo "of 10,000 pages: glibc $glibc, libmm $libmm"
            must [ $glibc -ge 100 ]
            must [ $((libmm * 10)) -le $glibc ]
        done
    '''),
    Case('swap', SINGLE, '''
        must opt swap=256M swapped kernel
        must one_line unprivileged_userfaultfd opt swap=256M user swapped nothing
        must opt swap=256M,swap_usermode=on user swapped program
        sysctl -w vm.unprivileged_userfaultfd=1
        must opt swap=256M user swapped kernel
        must opt swap=256M,swap_stress=on stress -t 4 -n 20000
        must mm swapped nothing
        wont opt swap=256M swapped nothing
    ''', kernels=('6.12',)),
    Case('larger', SINGLE, '''
        must opt swap=256M,swap_pool=300M larger 600
        ends 137 larger 600
        must opt swap=256M,swap_pool=150M grouped 200M larger 350
        ends 137 grouped 200M larger 350
        must opt swap=256M,swap_pool=150M grouped 200M larger 100 3
        ends 137 grouped 200M larger 100 3
        must opt swap=256M,swap_pool=150M grouped 200M larger 60 4 shared
        ends 137 grouped 200M larger 60 4 shared
    ''', kernels=('6.12',)),
    Case('noswap', SINGLE, '''
        must one_line 6.8 opt swap=256M swapped nothing
        wont opt swap=256M swapped kernel
    ''', kernels=('6.1',)),
]
