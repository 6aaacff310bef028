# Scripture: chapters of the King James Bible, a verse a line, spread evenly.
# perl -I../../debian-domains/clean -I. scripture.pl BIBLE_DATA

use strict;
use warnings;
use Corpus;
use Spread;

use constant TOTAL_BYTES => 450_000;
use constant FIRST_OFFSET => 92;

# The file holds blocks of LZW as compress writes it, without its magic number; their offsets stand at its head as 32-bit numbers.
my $data = slurp($ARGV[0]);
my @offsets;
for (my $at = FIRST_OFFSET; !@offsets || $offsets[-1] < length $data; $at += 4) {
    my $offset = length $data < $at + 4 ? 0 : unpack 'N', substr $data, $at, 4;
    die "$ARGV[0]: is damaged\n" if $offset <= (@offsets ? $offsets[-1] : $at);
    push @offsets, $offset;
}
my $bible = join '', map { decompress(substr $data, $offsets[$_ - 1], $offsets[$_] - $offsets[$_ - 1]) } 1 .. $#offsets;

my (@chapters, %verses);
for my $line (split /\n/, $bible) {
    # Ge1:1 In the beginning … A psalm's title stands in front of its first verse.
    my ($chapter, $verse) = $line =~ /^([0-9]?[A-Za-z]+[0-9]+):[0-9]+ (.*)$/ or next;
    push @chapters, $chapter unless $verses{$chapter};
    push @{$verses{$chapter}}, $verse;
}

spread(TOTAL_BYTES, map { ["bible-kjv-text: $_", join "\n", @{$verses{$_}}] } @chapters);

sub decompress {
    my ($block) = @_;
    my $path = "$ARGV[0].Z";
    open my $out, '>', $path or die "$path: cannot be written\n";
    binmode $out;
    print $out "\x1f\x9d\x90", $block;
    close $out or die "$path: cannot be written\n";
    open my $in, '-|', "gzip -dc < '$path'" or die "$path: cannot be read\n";
    local $/;
    my $text = <$in>;
    close $in or die "$ARGV[0]: is damaged\n";
    return $text;
}
