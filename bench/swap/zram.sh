#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# zram.sh - libmm's swap beside the kernel's zram, at the same resident memory
#
# usage: zram.sh LIBRARY [ROUNDS [SECONDS]]
#
# A heap of 1 GiB (access.c), a quarter of it resident, pages compressed in RAM:
# in a memory cgroup with zram as the only swap, by LZ4 or by lzo-rle, and under
# libmm with the same for the heap and as much again as zram had for its pool,
# next to each. Prints accesses a second, interleaved. As root; needs version 1
# of the memory controller; what it makes (a zram device, a cgroup) it removes.
set -eu
lib=$(readlink -f "$1") rounds=${2:-3} seconds=${3:-5}
here=$(dirname "$(readlink -f "$0")")
. "$here/zram_device.sh"
cc -O2 -o "$work/access" "$here/access.c" -lm
echo $((264 << 20)) >"$group/memory.limit_in_bytes"

# kernel ALGORITHM PAGE-CLUSTER PATTERN; sets pool, the bytes zram took
kernel() {
	swap_to_zram "$1" 2G
	echo "$2" >/proc/sys/vm/page-cluster
	(echo $BASHPID >"$group/cgroup.procs" &&
		exec "$work/access" "$3" 1024 "$seconds" 9>&-) &
	sleep 4
	read -r _ _ pool _ <"/sys/block/zram$device/mm_stat"
	wait $!
	swapoff "/dev/zram$device"
}

# beside ALGORITHM PAGE-CLUSTER PATTERN
beside() {
	printf '%-8s %-15s' "$3" "zram $1:"
	kernel "$@"
	printf '%-8s %-15s' "$3" "libmm, $((pool >> 20)) M:"
	LD_PRELOAD=$lib MM_OPTIONS=swap=4G,swap_pool=1G,limit=$(((264 << 20) + pool)) \
		"$work/access" "$3" 1024 "$seconds"
}

for pattern in uniform hot seq; do
	for ((i = 0; i < rounds; i++)); do
		beside lz4 0 "$pattern"
		beside lzo-rle 3 "$pattern"
	done
done
