#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# zram_point.sh - one point of the curve that bench/run draws of the kernel's zram
#
# usage: zram_point.sh [PROGRAM PATTERN MIB SECONDS PERCENT]
#
# Runs access.c's PROGRAM in a memory cgroup with zram (LZ4) as the only swap. The
# heap gets what is left of PERCENT of it when the compressed rest, 2.5 times
# smaller, has its place, too. Prints accesses a second, and the KiB that heap and
# pool took. Without arguments: fails, with one line, where that is not possible.
# As root; needs version 1 of the memory controller.
set -eu
here=$(dirname "$(readlink -f "$0")")
for path in /sys/class/zram-control /sys/fs/cgroup/memory/memory.limit_in_bytes; do
	[ -w "$path" ] || [ -d "$path" ] || {
		echo "no $path" >&2
		exit 1
	}
done
[ $# = 5 ] || exit 0
. "$here/zram_device.sh"
# heap + (1 - heap) / 2.5 = PERCENT
heap=$((($5 * 5 - 200) * $3 / 300))
echo $((heap << 20)) >"$group/memory.limit_in_bytes"
swap_to_zram lz4 $(($3 * 2))M
echo 0 >/proc/sys/vm/page-cluster
(echo $BASHPID >"$group/cgroup.procs" && exec "$1" "$2" "$3" "$4" 9>&-) >"$work/rate"
read -r _ _ _ _ pool _ <"/sys/block/zram$device/mm_stat"
heap=$(cat "$group/memory.max_usage_in_bytes")
swapoff "/dev/zram$device"
echo "$(cat "$work/rate") $(((heap + pool) / 1024))"
