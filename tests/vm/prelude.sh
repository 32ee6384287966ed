# SPDX-License-Identifier: MIT
#
# prelude.sh - what the commands of a case are written with; stands before them

failed=0

# ends STATUS COMMAND... - it has to end with this exit status
ends() {
	local right=$1
	shift
	echo "+ $*"
	"$@"
	local status=$?
	[ $status = "$right" ] && return
	echo "FAILED, status $status where $right is right: $*"
	failed=1
}

# must COMMAND... - it has to succeed
must() {
	ends 0 "$@"
}

# wont COMMAND... - a control: the same check has to find what is wrong here
wont() {
	echo 'a control:'
	ends 1 "$@"
}

# mm COMMAND... - under libmm
mm() {
	(export LD_PRELOAD=/lib/libmm.so && "$@")
}

# opt OPTIONS COMMAND... - under libmm with options
opt() {
	(export MM_OPTIONS="$1" && shift && mm "$@")
}

# user COMMAND... - as an ordinary user
user() {
	# by its path: the shell has a smaller one of its own
	/usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}

# in_group CONTROLLER GROUP FILE VALUE INNER COMMAND... - in a control group that
# has a value in a file, or in one inside of it
in_group() {
	(
		cd /sys/fs/cgroup || exit 2
		echo "+$1" >cgroup.subtree_control
		mkdir -p "$2/$5"
		echo "$4" >"$2/$3" || exit 2
		# 0 is who writes it
		echo 0 >"$2/$5/cgroup.procs" || exit 2
		shift 5
		"$@"
	)
}

# cpuset NODES COMMAND... - in a control group with memory on these nodes only
cpuset() {
	local nodes=$1
	shift
	in_group cpuset "nodes-$nodes" cpuset.mems "$nodes" . "$@"
}

# grouped MAX COMMAND... - in a control group inside one that may have so much
grouped() {
	local max=$1
	shift
	in_group memory "group-$max" memory.max "$max" inner "$@"
}

# preferred COMMAND... - how many mappings of a program prefer a node
preferred() {
	"$@" cat_dynamic /proc/self/numa_maps | grep -c 'prefer'
}

# one_line WORD COMMAND... - it says one line on standard error, with the word
one_line() {
	local word=$1
	shift
	"$@" 2>/tmp/stderr || return
	cat /tmp/stderr
	[ "$(wc -l </tmp/stderr)" = 1 ] && grep -q "$word" /tmp/stderr
}
