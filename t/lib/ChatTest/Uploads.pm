# SPDX-License-Identifier: Apache-2.0
#
# Files of users, as their clients handle them: announced, uploaded by the URL
# that the answer has, looked at. $t is a ChatTest::Chats.
package ChatTest::Uploads;

use v5.36;
use Exporter 'import';
use ChatTest::Client;
use Test::More;

our @EXPORT_OK = qw(send_to announce put uploaded code);

# What a URL of an answer leads to.
sub _at ($url) {
    my ($port, $target) = $url =~ m{^http://127\.0\.0\.1:(\d+)(/.*)} or die "no URL: $url";
    return ($port, $target);
}

sub send_to ($method, $url, %o) {
    my ($port, $target) = _at($url);
    my $conn = ChatTest::Client->new(port => $port, timeout => 20);
    $conn->request($method, $target, headers => { Connection => 'close', ($o{headers} // {})->%* }, (exists $o{body} ? (body => $o{body}) : ()));
    return $conn->response;
}

sub announce ($t, $user, $type, $body, %o) {
    return $t->as($user, 'POST', 'uploads', json => { filename => 'a file', mediaType => $type, size => length $body, %o });
}

sub put ($said, $body, %o) {
    my $u = $said->{json}{upload};
    return send_to($u->{method}, $o{url} // $u->{url}, headers => { $u->{headers}->%*, ($o{headers} // {})->%* }, body => $body);
}

# All of it: the id.
sub uploaded ($t, $user, $type, $body, %o) {
    my $said = announce($t, $user, $type, $body, %o);
    my $put = put($said, $body);
    is $put->{status}, 200, "$type: uploaded" or diag $put->{body};
    my $done = $t->as($user, 'POST', "uploads/$said->{json}{id}/complete", body => '');
    is_deeply [ $done->{status}, $done->{json}{status} ], [ 200, 'ready' ], '... and ready' or diag $done->{body};
    return $said->{json}{id};
}

sub code ($res) { return [ $res->{status}, ($res->{json} // {})->{code} ] }

1;
