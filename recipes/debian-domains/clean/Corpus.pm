package Corpus;

# What the four cleaners share. Only modules of Debian's perl-base are used.

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(slurp emit unwrap pages html_to_text entries clean_entry);

# The bytes of a file; a gzip file is decompressed.
sub slurp {
    my ($path) = @_;
    my $in;
    if ($path =~ /\.[gd]z$/) { open($in, '-|', "gzip -dc < '$path'") or die "$path: cannot be read\n"; }
    else { open($in, '<', $path) or die "$path: cannot be read\n"; }
    local $/;
    my $bytes = <$in> // '';
    close $in or die "$path: is damaged\n";
    return $bytes;
}

# Writes one JSONL line; text that is not UTF-8 is passed over.
sub emit {
    my ($source, $text) = @_;
    my $check = $text;
    return unless utf8::decode($check);
    $text =~ s/\r\n?/\n/g;
    $text =~ s/[ \t]+$//mg;
    $text =~ s/^\n+|\s+$//g;
    return if $text eq '';
    $text .= "\n";
    for ($source, $text) {
        s/([\\"])/\\$1/g;
        s/\n/\\n/g;
        s/\t/\\t/g;
        s/([\x00-\x1f\x7f])/sprintf('\\u%04x', ord $1)/ge;
    }
    print qq({"source": "$source", "text": "$text"}\n);
}

# One line per paragraph: lines belong together until a blank one or one that begins an item.
sub unwrap {
    my ($text) = @_;
    my @out;
    my $open = 0;
    for my $line (split /\n/, $text) {
        $line =~ s/^\s+|\s+$//g;
        if ($line eq '') { $open = 0; push @out, ''; next; }
        if ($open && $line !~ /^(?:\(?[0-9]{1,3}[.)]|\((?:[a-z]|[ivx]+)\)|[-*])\s/) { $out[-1] .= ' ' . $line; }
        else { push @out, $line; }
        $open = 1;
    }
    s/  +/ /g for @out;
    my $joined = join "\n", @out;
    $joined =~ s/\n{3,}/\n\n/g;
    return $joined;
}

# Joins consecutive pieces to pages of at least so many bytes.
sub pages {
    my ($size, @pieces) = @_;
    my @pages;
    my $page = '';
    for my $piece (@pieces) {
        $page .= ($page eq '' ? '' : "\n\n") . $piece;
        next if length $page < $size;
        push @pages, $page;
        $page = '';
    }
    push @pages, $page if $page ne '';
    return @pages;
}

my %entity = (amp => '&', lt => '<', gt => '>', quot => '"', nbsp => ' ', apos => "'");

# The text of an HTML page: a paragraph is a line, preformatted text stays as it is.
sub html_to_text {
    my ($html) = @_;
    $html =~ s/<!--.*?-->//gs;
    $html =~ s/<(head|script|style|table|nav)\b.*?<\/\1>//gs;
    my $text = '';
    for my $part (split /(<pre\b.*?<\/pre>)/s, $html) {
        if ($part =~ /^<pre/) {
            $part =~ s/<[^>]*>//g;
            $text .= "\n\n$part\n\n";
            next;
        }
        $part =~ s/\s+/ /g;
        $part =~ s/<li\b[^>]*>\s*(?:<(?:p|div)\b[^>]*>\s*)*/\n- /g;
        $part =~ s/<(?:p|h[1-6]|div|dl|ul|ol|dt|blockquote)\b[^>]*>/\n\n/g;
        $part =~ s/<(?:dd|br)\b[^>]*>/\n/g;
        $part =~ s/<[^>]*>//g;
        $part =~ s/^ +| +$//mg;
        $text .= $part;
    }
    $text =~ s/&#x([0-9a-f]+);/character(hex $1)/gie;
    $text =~ s/&#([0-9]+);/character($1)/ge;
    $text =~ s/&([a-z]+);/$entity{$1} \/\/ ''/ge;
    $text =~ s/\xc2\xa0/ /g;
    $text =~ s/\n{3,}/\n\n/g;
    return $text;
}

sub character {
    my $character = chr $_[0];
    utf8::encode($character);
    return $character;
}

# The entries of GCIDE as they stand in its file.
sub entries {
    my ($text) = @_;
    return grep { /^[A-Za-z]/ } split /\n(?=\S)/, $text;
}

# An entry, unwrapped, without pronunciations, accents in brackets and the names of its sources.
# A phrase explained inside an entry begins with \x02.
sub clean_entry {
    my ($entry) = @_;
    # The name of a source, and the next headword where it stands behind one.
    $entry =~ s/^ +\[[^\]]*(?:Webster|WordNet|PJC|RDH|AS|Century)[^\]]*\](?: \S.*)?$//mg;
    # Pronunciations, in the first line or two: \Feel"er\ and (kem"is*try; 277).
    my ($head, $body) = $entry =~ /^([^\n]*\n?[^\n]*)(.*)$/s;
    $head =~ s/\s*\\[^\\\n]*\\//g;
    $head =~ s/\s*\([^()]*["*`][^()]*\)//g;
    $entry = $head . $body;
    # Accents: [=a], ['e], [a^], [ae].
    $entry =~ s/\[[=\-.*'`",~^]*([A-Za-z]{1,2})[\^*]?\]/$1/g;
    $entry =~ s/\n\n +\{/\n\n\x02/g;
    $entry =~ tr/{}//d;
    return unwrap($entry);
}

1;
