# Quotations: pages of fortune's files, in which a line with % ends each. Lines of prose are joined, lines of verse stay.
# perl -I../../debian-domains/clean -I. quotations.pl PACKAGE FILE...

use strict;
use warnings;
use Corpus;
use Spread;

use constant TOTAL_BYTES => 450_000;
use constant PAGE_BYTES => 3000;

my ($package, @files) = @ARGV;
my @documents;
for my $path (sort @files) {
    my ($name) = $path =~ m{([^/]+)$};
    my $text = slurp($path);
    # Underlining by overstriking.
    $text =~ s/_*\x08//g;
    my @quotations = map { $name =~ /poems|gedichte/ ? verse($_) : unwrap($_) =~ s/^\s+|\s+$//gr } split /^%\n/m, $text;
    my $page = 0;
    push @documents, map { ["$package: $name " . ++$page, $_] } pages(PAGE_BYTES, grep { $_ ne '' } @quotations);
}

spread(TOTAL_BYTES, @documents);

sub verse {
    my ($text) = @_;
    $text =~ s/\t+-- /-- /g;
    $text =~ s/^\n+|\s+$//g;
    return $text;
}
