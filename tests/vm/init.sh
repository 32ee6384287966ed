#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# init.sh - /init of the virtual machine: runs /command, says how it ended
#
# The kernel's messages are on the first serial port, the command's output is
# on the second, between two lines of ours. Nothing but the last of them is a
# result: a machine that ends without it has failed.
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/shm
busybox mount -t tmpfs tmp /dev/shm
busybox mount -t cgroup2 cgroup /sys/fs/cgroup
busybox --install -s /bin
ln -s /proc/self/fd /dev/fd
stty -F /dev/ttyS1 raw -echo
exec </dev/null >/dev/ttyS1 2>&1
ifconfig lo 127.0.0.1 up

# Debian's programs before those of busybox.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp
cd /tmp || exit
echo "VM-INIT $(uname -r)"
# vm_user is from the kernel's command line
if [ "${vm_user-}" ]; then
	# by its path: the shell has a smaller one of its own
	/usr/bin/setpriv --reuid="$vm_user" --regid="$vm_user" --clear-groups \
		sh /command
else
	sh /command
fi
status=$?
printf '\nVM-EXIT %d\n' $status
poweroff -f
