# Mathematics: the statements and comments of Metamath's set.mm, one document for each of its own sections, without proofs.
# perl -I. math.pl SET_MM

use strict;
use warnings;
use Corpus;

use constant TOTAL_BYTES => 5_500_000;
use constant LEAST_BYTES => 400;

my $database = slurp($ARGV[0]);

# What follows belongs to single contributors and changes from release to release.
$database =~ s/\$\(\s*(?:[#*=.-]{4,}\s*)Mathboxes for user contributions.*//s
    or $database =~ s/\n[^\n]*Mathboxes for user contributions.*//s;
$database =~ s/ \$=.*?\$\./ \$./gs;
# Before the first part stand the contributors and a history of names.
$database =~ s/^.*?\n(?=\$\(\s*\n####)//s;

# A heading is a comment between two lines of ####, #*#*, =-=- or -.-., from the widest section to the narrowest.
my %depth = ('#' => 0, '*' => 1, '=' => 2, '-' => 3);
my @sections;
my @titles;
my ($heading, $body) = ('', '');
for my $part (split /(\$\(.*?\$\))/s, $database) {
    if ($part =~ /^\$\(\s*\n?((?:####|#\*#\*|=-=-|-\.-\.)\S*)\s*\n\s*(.*?)\s*\n\1\s*(.*?)\s*\$\)$/s) {
        my ($rule, $title, $introduction) = ($1, $2, $3);
        push @sections, [$heading, $body];
        my $level = $rule =~ /^##/ ? 0 : $rule =~ /^#\*/ ? 1 : $rule =~ /^=/ ? 2 : 3;
        $title =~ s/\s+/ /g;
        $titles[$level] = $title;
        $#titles = $level;
        $heading = join(': ', grep { defined } @titles);
        $body = $introduction eq '' ? '' : comment($introduction) . "\n\n";
        next;
    }
    if ($part =~ /^\$\((.*)\$\)$/s) { $body .= "\n" . comment($1) . "\n"; }
    else { $body .= statements($part); }
}
push @sections, [$heading, $body];

my $total = 0;
$total += length $_->[1] for @sections;
my ($taken, $seen) = (0, 0);
for my $section (@sections) {
    my ($title, $text) = @$section;
    next if length $text < LEAST_BYTES || $title =~ /Typesetting/;
    # Spread evenly over the whole of mathematics.
    $seen += length $text;
    next if $taken > $seen / $total * TOTAL_BYTES;
    $taken += length $text;
    $text =~ s/\n{3,}/\n\n/g;
    $text =~ s/^\n+//;
    emit("set.mm: $title", "$title\n\n$text");
}

# A comment as prose: unwrapped, without credits and markup.
sub comment {
    my ($text) = @_;
    # Whatever ends with a date in parentheses says who did what: (Contributed by NM, 5-Aug-1993.)
    $text =~ s/\s*\([A-Z][^()]*(?:\([^()]*\)[^()]*)*[0-9]{1,2}-\s*[A-Z][a-z]{2}-\s*[0-9]{4}\.?\)//g;
    $text =~ s/\s*\((?:Proof\s+modification|New\s+usage)\s+is\s+discouraged\.\)//g;
    my @paragraphs = map { s/\s+/ /gr =~ s/^ | $//gr } split /\n\s*\n/, $text;
    $text = join "\n", grep { $_ ne '' } @paragraphs;
    # ` A + B ` is a formula, in which `` stands for a backquote, and ~ label names a theorem.
    $text =~ s/``/\x01/g;
    $text =~ s/` *([^`]*?) *`(?: (?=[.,;:)]))?/$1/g;
    $text =~ tr/\x01/`/;
    $text =~ s/(?<!\S)~ (\S+)(?: (?=[.,;:)]))?/$1/g;
    $text =~ s/<\/?HTML>|<BR>|<\/?[BI]>//gi;
    return $text;
}

# Hypotheses and theorems, one a line; declarations of symbols are left out.
sub statements {
    my ($text) = @_;
    my $out = '';
    while ($text =~ /(\S+)\s+\$([eap])\s+(.*?)\s*\$\./gs) {
        my ($label, $kind, $formula) = ($1, $2, $3);
        $formula =~ s/\s+/ /g;
        my $line = $kind eq 'e' ? "  given $formula\n" : "$label: $formula\n";
        $out .= $kind eq 'e' && $out !~ /^  given .*\n\z/m ? "\n$line" : $line;
    }
    return $out;
}
