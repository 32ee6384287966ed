# SPDX-License-Identifier: MIT
#
# zram_device.sh - a zram device and a memory cgroup, for the scripts that hold
# libmm beside the kernel's swap. Sourced by them; as root, and needs version 1 of
# the memory controller.
#
# Sets $work, a folder, $group, the cgroup, and $device, the device's number; all
# are removed when the script ends, and vm.page-cluster is as it was. A process of
# its own sees to that, even if the script is killed: it waits for the end of a pipe
# that the script holds as descriptor 9. What may outlive the script must close it.

work=$(mktemp -d /var/tmp/zram.XXXXXX)
group=/sys/fs/cgroup/memory/zram.$$
mkdir "$group"
device=$(cat /sys/class/zram-control/hot_add)
ahead=$(cat /proc/sys/vm/page-cluster)

# patiently COMMAND... - the kernel may still be busy with what was there
patiently() {
	local i
	for i in 1 2 3 4 5 6 7 8 9; do
		"$@" 2>/dev/null && return
		sleep 0.2
	done
	"$@"
}

reset_device() {
	echo 1 >"/sys/block/zram$device/reset"
}

remove_device() {
	echo "$device" >/sys/class/zram-control/hot_remove
}

clean_up() {
	echo "$ahead" >/proc/sys/vm/page-cluster
	xargs -r kill -9 <"$group/cgroup.procs"
	swapoff "/dev/zram$device" 2>/dev/null || :
	patiently reset_device
	patiently remove_device
	patiently rmdir "$group"
	rm -r "$work"
}

mkfifo "$work/alive"
set -m # a group of its own
(
	trap '' INT TERM HUP
	cat "$work/alive"
	set +e
	clean_up
) &
watcher=$!
set +m
exec 9>"$work/alive"
trap 'exec 9>&-; wait $watcher' EXIT

# swap_to_zram ALGORITHM SIZE - until swapoff, it is the only swap in use
swap_to_zram() {
	patiently reset_device
	echo "$1" >"/sys/block/zram$device/comp_algorithm"
	echo "$2" >"/sys/block/zram$device/disksize"
	mkswap "/dev/zram$device" >/dev/null
	swapon -p 100 "/dev/zram$device"
}
