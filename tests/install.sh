#!/bin/bash
# SPDX-License-Identifier: MIT
# Does `meson install` put everything in place, so that a program can be built
# with it in every way, run, and have its heap in libmm?
# usage: install.sh TOP BUILD
set -eu
here=$(readlink -f "$1")/tests/install build=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# with WHAT COMMAND... - a line that says what failed
with() {
	local what=$1
	shift
	"$@" >"$root/log" 2>&1 || {
		printf 'FAIL %s: %s\n' "$what" "$*"
		cat "$root/log"
		exit 1
	}
	printf 'ok %s: %s\n' "$what" "$(tail -n 1 "$root/log")"
}

DESTDIR=$root with 'meson install' meson install -C "$build" --no-rebuild
pc=$(find "$root" -name mm.pc)
libdir=$(dirname "$(dirname "$pc")")
prefix=$(dirname "$(dirname "$(find "$root" -path '*/bin/mmrun')")")
for file in "$libdir"/libmm.{a,so} "$prefix"/include/mm/mm.h \
	"$prefix"/bin/{mmrun,mmcore} "$prefix"/share/libmm/libmm-gdb.py \
	"$libdir"/cmake/mm/mmConfig{,Version}.cmake; do
	with "installed" test -e "$file"
done
soname=$(objdump -p "$libdir/libmm.so" | awk '$1 == "SONAME" { print $2 }')
with 'soname' test -e "$libdir/$soname"
with 'soname is versioned' test "$soname" != libmm.so

export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
export LD_LIBRARY_PATH=$libdir
flags() {
	pkg-config "$@" mm
}
cd "$root"
with 'pkg-config' gcc "$here/uses_mm.c" -o shared $(flags --cflags --libs)
with 'shared' ./shared
with 'C++' g++ -x c++ "$here/uses_mm.c" -o shared-c++ $(flags --cflags --libs)
with 'shared, C++' ./shared-c++
with '-lmm' gcc "$here/uses_mm.c" -I"$prefix/include" -L"$libdir" -lmm -o plain
with 'shared, plain' ./plain
with 'libmm.a' gcc "$here/uses_mm.c" -o with-archive $(flags --cflags) \
	"$libdir/libmm.a" $(flags --libs-only-l --static | sed 's/-lmm//')
with 'archive' ./with-archive
with '-static' gcc -static "$here/uses_mm.c" -o static \
	$(flags --cflags --libs --static)
with 'static' env -u LD_LIBRARY_PATH ./static
with 'mmrun' "$prefix/bin/mmrun" grep -m 1 "$libdir/$soname" /proc/self/maps

if command -v cmake >/dev/null; then
	with 'cmake' cmake -G Ninja -S "$here" -B cmake -DCMAKE_PREFIX_PATH="$prefix"
	with 'cmake build' cmake --build cmake
	with 'cmake, shared' cmake/with_shared
	with 'cmake, static' env -u LD_LIBRARY_PATH cmake/with_static
else
	echo 'not tried: the CMake package, for want of cmake'
fi
