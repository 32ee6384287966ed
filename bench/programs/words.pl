# SPDX-License-Identifier: MIT
# perl: hashes of arrays, split, sort, regular expressions; argument: rounds
use strict;
use warnings;

my $total = 0;
for my $round (1 .. $ARGV[0]) {
    my %lists;
    my $text = '';
    for my $i (1 .. 30000) {
        my $k = ($round * 7919 + $i * 104729) % 1000003;
        push @{ $lists{ 'w' . ($k % 5000) } }, "item $k" x (1 + $k % 5);
        $text .= "w$k, " if $i % 3;
    }
    my @words = split /,\s*/, $text;
    my %seen  = map { $_ => length } grep { /w\d*[13579]$/ } @words;
    for my $key (sort keys %lists) {
        my $line = join '|', reverse sort @{ $lists{$key} };
        $line =~ s/item (\d+)/<$1>/g;
        $total += length $line;
    }
    $total += keys %seen;
}
print "$total\n";
