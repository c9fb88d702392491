#!/usr/bin/perl
# Reads JSON objects, one a line, and prints the named fields of each, separated by tabs.
# A name may lead into an object: release.block. What is absent prints as "-": an empty
# field would be lost between tabs.
use strict;
use warnings;
use JSON::PP;

while (my $line = <STDIN>) {
    my $object = decode_json($line);
    my @values;
    for my $name (@ARGV) {
        my $value = $object;
        $value = ref $value eq 'HASH' ? $value->{$_} : undef for split /\./, $name;
        push @values, defined $value && $value ne '' ? $value : '-';
    }
    print join("\t", @values), "\n";
}
