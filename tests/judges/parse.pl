# Prints what Email::MIME makes of a message: perl parse.pl FILE
use strict;
use warnings;
use Email::MIME;
use JSON::PP;

open my $file, '<:raw', $ARGV[0] or die "$ARGV[0]: $!";
my $mail = Email::MIME->new(do { local $/; <$file> });
my %seen = (subject => scalar $mail->header('Subject'));
$mail->walk_parts(sub {
    my ($part) = @_;
    return if $part->subparts;
    my $kind = ($part->content_type // '') =~ m{^text/html}i ? 'html' : 'text';
    $seen{$kind} = $part->body_str;
});
my @names = $mail->header_names;
my @headers = map { my $name = $_; map { [lc $name, $_] } $mail->header_str($name) } @names;
$seen{headers} = \@headers;
print JSON::PP->new->canonical->ascii->encode(\%seen), "\n";
