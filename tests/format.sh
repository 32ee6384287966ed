#!/bin/sh
# SPDX-License-Identifier: MIT
# Is every C file as clang-format would have it? usage: format.sh TOP
cd "$1" || exit 1
command -v clang-format >/dev/null || {
	echo "skipped: no clang-format"
	exit 77
}
find include src preload tools tests bench \
	-name '*.c' -o -name '*.h' -o -name '*.cc' |
	sort | xargs -r clang-format --dry-run -Werror
