# Code: the modules of the Python standard library, one document each.
# perl -I. code.pl ROOT FILE...

use strict;
use warnings;
use Corpus;

my ($root, @files) = @ARGV;
for my $path (sort @files) {
    my $name = substr $path, length($root) + 1;
    # Prose in string literals, tables of numbers, and what a build wrote.
    next if $name =~ m{pydoc_data/|/encodings/|_sysconfigdata|/idlelib/|html/entities};
    my $text = slurp($path);
    emit("python: $name", $text) if length $text > 500;
}
