# Prints what Mail::DKIM makes of the signatures of messages: perl dkim.pl RECORDS.json FILE…
# RECORDS.json holds the TXT records there are, by name; nothing is looked up. One line of JSON a file: its results.
use strict;
use warnings;
use JSON::PP;
use Mail::DKIM::Verifier;
use Mail::DKIM::DNS;

my ($records, @files) = @ARGV;
sub slurp { open my $in, '<:raw', $_[0] or die "$_[0]: $!"; local $/; return scalar <$in> }
my $known = decode_json(slurp($records));

package Local::Resolver;
sub new { return bless {}, shift }
sub send {
    my ($self, $name, $type) = @_;
    require Net::DNS;
    my $packet = Net::DNS::Packet->new($name, $type // 'TXT');
    if (exists $known->{$name}) {
        my $text = $known->{$name};
        my @strings = $text =~ /(.{1,255})/gs;
        $packet->push(answer => Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => \@strings));
    } else {
        $packet->header->rcode('NXDOMAIN');
    }
    return $packet;
}
sub query { return shift->send(@_) }
sub errorstring { return 'NXDOMAIN' }

package main;
Mail::DKIM::DNS::resolver(Local::Resolver->new);
for my $file (@files) {
    my $dkim = Mail::DKIM::Verifier->new;
    $dkim->PRINT(slurp($file));
    $dkim->CLOSE;
    my @results = map { [$_->result, $_->algorithm, $_->selector, $_->domain, $_->result_detail] } $dkim->signatures;
    print encode_json(\@results), "\n";
}
