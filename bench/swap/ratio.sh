#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# ratio.sh - how small heaps get under libmm, and in the kernel's zram (lzo-rle)
#
# usage: ratio.sh LIBRARY [SECONDS]
#
# Heaps of python3, redis and sqlite3 (in memory) hold the package database of
# the machine many times over. All is swapped out: by the kernel at once, by
# libmm when it has not been touched for two seconds; its ratio is looked at
# after SECONDS (default 60), as what is old gets smaller. Prints bytes before
# and after for pages that are not of one word all over. As root; needs version
# 1 of the memory controller; what it makes (a zram device, a cgroup) it removes.
set -eu
lib=$(readlink -f "$1") seconds=${2:-60}
. "$(dirname "$(readlink -f "$0")")/zram_device.sh"

# Says swapinfo of the process it is loaded into.
cat >"$work/say.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *say(void *arg)
{
	int (*show)(const char *, int);

	*(void **)&show = dlsym(RTLD_DEFAULT, "mm_show");
	sleep((unsigned)atoi(getenv("SAY_AFTER")));
	show("swapinfo", 2);
	return arg;
}

__attribute__((constructor)) static void start(void)
{
	pthread_t t;

	if (getenv("SAY_AFTER"))
		pthread_create(&t, NULL, say, NULL);
}
C
cc -shared -fPIC -o "$work/say.so" "$work/say.c"

cat >"$work/python3" <<'P'
import time
packages = [dict(l.split(':', 1) for l in p.splitlines() if ': ' in l)
            for _ in range(40)
            for p in open('/var/lib/dpkg/status').read().split('\n\n')]
time.sleep(3600)
P
python3 - "$work" <<'P'
import sys
work = sys.argv[1]
packages = open('/var/lib/dpkg/status').read().strip().split('\n\n')
with open(work + '/redis', 'wb') as r, open(work + '/sqlite3', 'w') as q:
    q.write('create table p(name text, field text, value text);\nbegin;\n')
    for n in range(80):
        for p in packages:
            fields = [l.split(': ', 1) for l in p.splitlines() if ': ' in l]
            words = ['HSET', '%s:%d' % (p.split('\n')[0], n)] + sum(fields, [])
            words = [w.encode() for w in words]
            r.write(b'*%d\r\n' % len(words) + b''.join(
                b'$%d\r\n%s\r\n' % (len(w), w) for w in words))
            for name, value in fields if n < 40 else []:
                q.write("insert into p values('%s %d', '%s', '%s');\n" % (
                    p.split('\n')[0], n, name, value.replace("'", "''")))
    q.write('commit;\n')
P

# run PROGRAM: fills its heap, then waits until its input ends
run() {
	case $1 in
	python3) PYTHONMALLOC=malloc exec python3 "$work/python3" ;;
	sqlite3) (cat "$work/sqlite3" && exec sleep 3600) | exec sqlite3 :memory: ;;
	redis)
		redis-server --port 0 --unixsocket "$work/socket" --save '' &
		until [ -S "$work/socket" ]; do sleep 0.1; done
		env -u LD_PRELOAD redis-cli -s "$work/socket" --pipe \
			<"$work/redis" >"$work/log"
		wait
		;;
	esac
} >/dev/null

# begin OUTPUT COMMAND: in a group of processes of its own, which end() ends
begin() {
	set -m
	"${@:2}" 2>"$1" 9>&- &
	set +m
}

end() {
	kill -- -$!
	wait $! 2>/dev/null || :
}

in_group() {
	echo $BASHPID >"$group/cgroup.procs"
	run "$1"
}

under_libmm() {
	export LD_PRELOAD="$lib $work/say.so" SAY_AFTER=$((seconds + 20))
	export MM_OPTIONS=swap=4G,swap_pool=2G,swap_age=2s
	run "$1"
}

for program in python3 redis sqlite3; do
	swap_to_zram lzo-rle 4G
	begin "$work/said" in_group $program
	sleep 20
	echo 0 >"$group/memory.force_empty" || :
	read -r all small _ _ _ same _ <"/sys/block/zram$device/mm_stat"
	end
	sleep 1
	swapoff "/dev/zram$device"
	awk -v p=$program -v a="$all" -v c="$small" -v s="$same" 'BEGIN {
		a -= s * 4096
		printf "%-8s zram lzo-rle  %6d kB as %6d kB: %.2f\n",
			p, a / 1024, c / 1024, a / c }'
	begin "$work/said" under_libmm $program
	sleep $((seconds + 22))
	end
	awk -v p=$program '
		/^Swapped/ { a += $2 } /^SameFilled/ { a -= $2 }
		/^Compressed/ { c += $2 }
		END { printf "%-8s libmm         %6d kB as %6d kB: %.2f\n",
			p, a, c, a / c }' "$work/said"
done
