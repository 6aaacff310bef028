# General English: pages of a dictionary (GCIDE) and the Debian Administrator's Handbook.
# perl -I. general.pl GCIDE_DICT HANDBOOK_PAGE...

use strict;
use warnings;
use Corpus;

# As they stand in the dictionary's file; cleaning takes about a quarter away.
use constant PAGE_BYTES => 5300;
use constant DICTIONARY_BYTES => 5_300_000;

my ($dictionary, @handbook) = @ARGV;

# Entries with legal senses belong to the law.
my @pages = pages(PAGE_BYTES, grep { !/\([^()]*\bLaw\b[^()]*\)/ } entries(slurp($dictionary)));
my $total = 0;
$total += length for @pages;
my ($taken, $seen) = (0, 0);
for my $page (@pages) {
    # Spread evenly over the alphabet.
    $seen += length $page;
    next if $taken > $seen / $total * DICTIONARY_BYTES;
    $taken += length $page;
    my $text = join "\n\n", map { s/\s+$//r } map { clean_entry($_) } entries($page);
    $text =~ tr/\x02//d;
    my ($word) = $text =~ /^([^,\n]+)/;
    emit("dict-gcide: $word", $text);
}

for my $path (sort @handbook) {
    my $html = slurp($path);
    my ($name) = $path =~ m{([^/]+)\.html$};
    # Navigation, revision history and the index hold no prose.
    next if $name =~ /^(?:index|ix\d*|go01|.*colophon.*)$/;
    $html =~ s/^.*?<body[^>]*>//s;
    $html =~ s/<div id="banner">.*?<\/div>//gs;
    $html =~ s/<ul class="docnav.*?<\/ul>//gs;
    $html =~ s/<p id="title".*?<\/p>//gs;
    $html =~ s/<div class="toc">.*?<\/div>//gs;
    my $text = html_to_text($html);
    emit("debian-handbook: $name", $text) if length $text > 500;
}
