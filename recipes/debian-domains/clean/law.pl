# Law: licences, constitutions, and the legal terms of a dictionary (GCIDE).
# perl -I. law.pl GCIDE_DICT FILE...

use strict;
use warnings;
use Corpus;

use constant PAGE_BYTES => 4000;
use constant LEAST_BYTES => 400;

my ($dictionary, @files) = @ARGV;

for my $path (sort @files) {
    my ($package, $name) = $path =~ m{/([^/]+)/(?:usr|package)/(?:.*/)?([^/]+?)(?:\.txt|\.json)?(?:\.gz)?$};
    document("$package: $name", $path =~ /\.json$/ ? license_text(slurp($path)) : slurp($path));
}
terms($dictionary);

# The field licenseText of a JSON object.
sub license_text {
    my ($json) = @_;
    my ($text) = $json =~ /"licenseText"\s*:\s*"((?:[^"\\]|\\.)*)"/s or return '';
    my %plain = (n => "\n", t => "\t", r => '', b => '', f => '');
    $text =~ s/\\u([0-9a-fA-F]{4})/my $c = chr hex $1; utf8::encode($c); $c/ge;
    $text =~ s/\\(.)/$plain{$1} \/\/ $1/ge;
    return $text;
}

# A licence or a constitution. Translations and texts of other countries in their own languages are left out.
sub document {
    my ($source, $text) = @_;
    # What choosealicense.com says about a licence.
    $text =~ s/^---\n.*?\n---\n//s;
    $text =~ s/[-=*_~]{4,}//g;
    $text = unwrap($text);
    my $articles = () = $text =~ /\bthe\b/gi;
    emit($source, $text) if length $text >= LEAST_BYTES && $articles > length($text) / 500;
}

# Entries, senses and phrases of a dictionary that it marks as legal.
sub terms {
    my ($path) = @_;
    my @terms;
    for my $entry (grep { /\([^()]*\bLaw\b[^()]*\)/ } entries(slurp($path))) {
        my ($head, @rest) = split /\n+/, clean_entry($entry);
        # The parts of an entry: what stands at its head, then each sense and each phrase with its notes and quotations.
        my @parts = ($head);
        for my $line (@rest) {
            if ($line =~ /^(?:\d+\.|\x02)/) { push @parts, $line; }
            elsif ($line !~ /^Syn:/) { $parts[-1] .= "\n$line"; }
        }
        my @legal = grep { /^[^\n]{0,160}\([^()]*\bLaw\b[^()]*\)/ } @parts;
        next unless @legal;
        my ($word) = $head =~ /^([^,(\[]{1,60},(?: (?:[a-z]{1,4}|&)\.?)+|\S+)/;
        unshift @legal, $word if $legal[0] ne $parts[0];
        push @terms, join "\n", @legal;
    }
    tr/\x02//d for @terms;
    for my $page (pages(PAGE_BYTES, @terms)) {
        my ($word) = $page =~ /^([^,\n]+)/;
        emit("dict-gcide: $word", $page);
    }
}
