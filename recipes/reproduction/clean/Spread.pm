package Spread;

# What the cleaners of the probes share beside debian-domains' Corpus.pm.

use strict;
use warnings;
use Corpus;
use Exporter 'import';
our @EXPORT = qw(spread);

# Writes documents, pairs of source and text, spread evenly over all of them, until they hold about so many bytes.
sub spread {
    my ($bytes, @documents) = @_;
    my $total = 0;
    $total += length $_->[1] for @documents;
    my ($taken, $seen) = (0, 0);
    for my $document (@documents) {
        my ($source, $text) = @$document;
        $seen += length $text;
        next if $taken > $seen / $total * $bytes;
        $taken += length $text;
        emit($source, $text);
    }
}

1;
