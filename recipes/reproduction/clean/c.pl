# C: pages of single-file libraries, cut where a line begins at the margin behind a blank one.
# perl -I../../debian-domains/clean -I. c.pl FILE...

use strict;
use warnings;
use Corpus;
use Spread;

use constant TOTAL_BYTES => 450_000;
use constant PAGE_BYTES => 4000;

my @documents;
for my $path (sort @ARGV) {
    my ($name) = $path =~ m{([^/]+)$};
    # An older collection of what the others hold.
    next if $name eq 'stb.h';
    my $text = slurp($path);
    $text =~ tr/\r//d;
    # The licence, which is law, and lines of a table of numbers.
    $text =~ s/\n\/\*\n-{10,}\nThis software is available under 2 licenses.*//s;
    $text =~ s/^[ \t{]*(?:[-+]?(?:0x[0-9a-fA-F]+|[0-9.]+)[fuUlL]*[ \t]*[,}]+[ \t]*){4,}[^\n]*\n//mg;
    my $page = 0;
    push @documents, map { ["libstb-dev: $name " . ++$page, $_] } pages(PAGE_BYTES, split /\n\n+(?=\S)/, $text);
}

spread(TOTAL_BYTES, @documents);
