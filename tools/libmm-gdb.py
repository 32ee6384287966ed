# SPDX-License-Identifier: MIT
"""libmm-gdb.py - gdb commands for a process whose heap is in libmm

  mm-where ADDR        what libmm knows about the page of an address
  mm-fetch ADDR [LEN]  bring what is swapped out there, so that gdb can read it

gdb reads memory through /proc/PID/mem, which answers EIO for pages that are
swapped out. They come back only while the threads mm-fault run. So the process
has to bring them itself, by a call of mm_advise() that gdb makes in a thread of
the program, never in one of libmm's, and all threads run meanwhile. What
mm-where asks needs no other thread: they stay where they are.
"""
import contextlib
import errno
import struct

import gdb

AT_ONCE = 1 << 20  # bytes of a larger block, unless LEN says otherwise
MM_HOT = 1
OWN_THREADS = ('mm-swapd', 'mm-fault')

# enum mm_page_state, enum mm_page_kind, enum mm_zone_type
STATES = ('not of libmm', 'untouched: reads as zeros', 'in memory',
          'staged: about to be swapped out', 'swapped out',
          'pinned: stays in memory')
KINDS = ('not of libmm', 'free', "free, in a thread's list",
         'small objects of one size', 'part of a block of whole pages',
         'part of a block with a mapping of its own')
ZONES = ('DMA', 'Normal', 'HighMem')
INFO = struct.Struct('=iiiiiIQQQ')  # struct mm_page_info
FIELDS = 'state kind zone node order owner block size slot'.split()


def program_threads():
    """Those that gdb may call libmm in, the selected one first."""
    selected, inferior = gdb.selected_thread(), gdb.selected_inferior()
    if not selected or inferior.connection.type == 'core':
        raise gdb.GdbError('mm: there is no live process')
    threads = [t for t in inferior.threads() if t.is_stopped()]
    own = [t for t in threads if t.name in OWN_THREADS]
    if own and gdb.parameter('non-stop'):
        raise gdb.GdbError('mm: first let mm-fault and mm-swapd go on')
    threads.sort(key=lambda t: (t != selected, t.num))
    return [t for t in threads if t not in own]


def call(function, returns, *args):
    """Call a function of the process in the selected thread."""
    text = ', '.join('%dUL' % (a & (1 << 64) - 1) for a in args)
    try:
        return int(gdb.parse_and_eval('((%s (*)(%s)) %s)(%s)' % (
            returns, ', '.join(['unsigned long'] * len(args)), function, text)))
    except gdb.error as e:
        raise gdb.GdbError('mm: cannot call %s: %s' % (function, e))


@contextlib.contextmanager
def calling(thread, others):
    """Select a thread for calls. The others run meanwhile or not; they stop at
    no breakpoint, which would leave the call unfinished."""
    old, frame = gdb.selected_thread(), gdb.selected_frame()
    points = [p for p in gdb.breakpoints() if p.enabled]
    try:
        thread.switch()
        gdb.newest_frame().select()
        for p in points:
            p.enabled = False
        with gdb.with_parameter('scheduler-locking', 'off' if others else 'on'), \
                gdb.with_parameter('unwindonsignal', True):
            yield
    finally:
        for p in points:
            p.enabled = True
        if old.is_valid():
            old.switch()
            if frame.is_valid():
                frame.select()


def query(addr):
    """mm_page_query(), whose answer needs memory of the process."""
    with calling(program_threads()[0], others=False):
        page = call('mmap', 'unsigned long', 0, INFO.size, 3, 0x22, -1, 0)
        try:
            call('mm_page_query', 'int', addr, page)
            raw = gdb.selected_inferior().read_memory(page, INFO.size)
        finally:
            call('munmap', 'int', page, INFO.size)
    return dict(zip(FIELDS, INFO.unpack(raw.tobytes())))


def fetch(addr, length):
    """mm_advise(), in the first thread that is not inside of libmm itself."""
    for thread in program_threads():
        with calling(thread, others=True):
            err = -call('mm_advise', 'int', addr, length, MM_HOT)
        if not err:
            return
        if err != errno.EAGAIN:
            raise gdb.GdbError('mm: not in a block that may be swapped out')
    raise gdb.GdbError('mm: all threads are inside of libmm just now: let the '
                       'program go on for a moment')


def numbers(arg, least, most):
    """The values of a command's arguments; of an array, its address."""
    values = [gdb.parse_and_eval(a) for a in gdb.string_to_argv(arg)]
    if not least <= len(values) <= most:
        raise gdb.GdbError('mm: wrong number of arguments')
    return [int(v.address if v.type.strip_typedefs().code ==
                gdb.TYPE_CODE_ARRAY else v) for v in values]


class Where(gdb.Command):
    """mm-where ADDR: what libmm knows about the page that holds ADDR."""

    def invoke(self, arg, from_tty):
        addr, = numbers(arg, 1, 1)
        i = query(addr)
        print('state  %s' % STATES[i['state']])
        if not i['kind']:
            return
        print('kind   %s' % KINDS[i['kind']])
        print('zone   %s, node %d' % (ZONES[i['zone']], i['node']))
        if i['block']:
            print('block  0x%x, %d bytes; the address is byte %d' %
                  (i['block'], i['size'], addr - i['block']))
        if i['slot']:
            print('slot   0x%x' % i['slot'])


class Fetch(gdb.Command):
    """mm-fetch ADDR [LEN]: bring in what is swapped out of a block.

Without LEN it is the whole block that holds ADDR or, if that has more than
1 MiB, as much from ADDR on. All threads run meanwhile."""

    def invoke(self, arg, from_tty):
        addr, length = (numbers(arg, 1, 2) + [0])[:2]
        i = query(addr)
        if not length and i['size'] <= AT_ONCE:
            addr = i['block'] or addr
        length = min(length or AT_ONCE, i['block'] + i['size'] - addr)
        fetch(addr, max(length, 1))
        print('0x%x: %d bytes can be read' % (addr, length))


Where('mm-where', gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
Fetch('mm-fetch', gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
