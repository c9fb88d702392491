#!/usr/bin/perl
# Prints COUNT free TCP ports of 127.0.0.1 on one line, and holds them until it is ended or
# its input closes.
#
# Nobody else is given a held port: each was bound alone, and no connection starts from a
# bound port. A server that sets SO_REUSEADDR, as NNG does, may bind it and listen all the
# same, because SO_REUSEADDR is set here too, after the bind. So there is no moment between
# our choice and the server's listening in which a second demo could take the port.
use strict;
use warnings;
use Socket;

my $count = shift // 0;
my @held;
for (1 .. $count) {
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "free-ports: socket: $!\n";
    bind($socket, sockaddr_in(0, INADDR_LOOPBACK)) or die "free-ports: bind: $!\n";
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) or die "free-ports: setsockopt: $!\n";
    push @held, $socket;
}
$| = 1;
print join(' ', map { (sockaddr_in(getsockname($_)))[0] } @held), "\n";
1 while sysread(STDIN, my $byte, 1);
