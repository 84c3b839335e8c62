#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Writes a manual page, section 3, for each public call, from its kernel-doc and from
# the project's own programs, which `make check` compiles: a page cannot say other than
# the header, and its example cannot fail to compile.
#
#   man.pl VERSION FOLDER     memlane_CALL.3 for each call, into FOLDER
#   man.pl --check            name each call whose page would lack something
#
# Run in the top folder.
use strict;
use warnings;

my $check = @ARGV == 1 && $ARGV[0] eq '--check';
my ($version, $folder) = $check ? ('', '') : @ARGV;
die "usage: man.pl VERSION FOLDER | --check\n" unless $check || defined $folder;

# What inline functions call for themselves.
my $internal = qr/^memlane_(exit_other|get_slow|frame_first|frame_more|frame_rewind)$/;
my $longest = 24;    # lines of an example

# Errors that any call with a handle gives, as the head of memlane.h has them.
my @bad_handle = qw(ESTALE EXDEV EBADF ENODATA);
my $calls;

sub read_file {
	my ($path) = @_;
	open my $f, '<', $path or die "$path: $!\n";
	local $/;
	return <$f>;
}

# What an error means where a call says nothing about it: the table of errors.md.
sub meanings {
	my %meaning;
	for (split /\n/, read_file('Documentation/errors.md')) {
		my ($errors, $words) = /^\| (`-E.*?) \| (.*) \|$/ or next;
		$words =~ tr/`//d;
		$meaning{$_} = $words for $errors =~ /-(E\w+)/g;
	}
	return %meaning;
}

my %meaning = meanings();

# Text of a comment without its stars.
sub plain {
	my ($text) = @_;
	$text =~ s/^ ?\*( |\t|$)//mg;
	return $text;
}

# One call: name, summary, parameters, text, what it returns, prototype.
sub parse {
	my ($doc, $code, $header) = @_;
	my $text = plain($doc);
	my %call = (header => $header, params => []);
	return unless $text =~ s/^\s*(memlane_\w+)(?:\(\))? - (.*(?:\n(?!@|\n).+)*)\n//;
	($call{name}, $call{summary}) = ($1, join ' ', split /\s*\n\s*/, $2);
	return if $call{name} =~ $internal;
	while ($text =~ s/^@(\w+):[ \t]*(.*(?:\n[ \t]+.+)*)\n//) {
		push @{ $call{params} }, [ $1, join ' ', split /\s*\n\s*/, $2 ];
	}
	($call{returns}) = $text =~ /^Return: (.*)\z/ms;
	$text =~ s/^Return: .*\z//ms;
	$text =~ s/\A\s+|\s+\z//g;
	$call{text} = $text;
	return unless $code =~ /\A\s*MEMLANE_(?:API|INLINE)\s+([^;{]*?)\s*[;{]/;
	$call{prototype} = join ' ', split /\s+/, $1;
	$call{prototype} =~ s/\s*__attribute__\(\(.*?\)\)\)*\s*/ /g;
	return unless $call{prototype} =~ /\b\Q$call{name}\E\s*\(/;
	return \%call;
}

sub calls {
	my %all;
	for my $path (sort glob 'lib/include/*.h') {
		my $source = read_file($path);
		(my $header = $path) =~ s/.*\///;
		while ($source =~ /^\/\*\*\n(.*?)\n? \*\/\n(.{0,600})/msg) {
			my ($doc, $code) = ("$1\n", $2);
			pos($source) -= length $code;
			my $call = parse($doc, $code, $header);
			$all{ $call->{name} } = $call if $call;
		}
	}
	return \%all;
}

# Functions of a C file: [ text of the function ].
sub functions {
	my ($source) = @_;
	my @found;
	push @found, $1 while $source =~ /^([A-Za-z][^\n;#]*(?:\n[^\n;#{}]+)*\n\{\n.*?^\}\n)/msg;
	return @found;
}

# The programs that a reader learns from come before the tests.
my @programs = ((sort glob 'examples/*.c'), (sort glob 'selftests/api/test-*.c'),
	(sort glob 'selftests/share/*.c'), (sort glob 'selftests/torture/*.c'), sort glob 'tools/*.c');
my %functions_of = map { $_ => [ functions(read_file($_)) ] } @programs;

# The shortest function with the call that is short enough, or the lines around the call.
sub example {
	my ($name) = @_;
	for my $path (@programs) {
		my @with = sort { length $a <=> length $b } grep { /\b$name\(/ } @{ $functions_of{$path} };
		next unless @with;
		my @lines = split /\n/, $with[0];
		if (@lines > $longest) {
			my ($at) = grep { $lines[$_] =~ /\b$name\(/ } 0 .. $#lines;
			my $from = $at > 8 ? $at - 8 : 0;
			my $to = $at + 8 < $#lines ? $at + 8 : $#lines;
			@lines = @lines[ $from .. $to ];
		}
		s/\t/    /g for @lines;
		my ($least) = sort { $a <=> $b } map { /^( *)\S/ ? length $1 : () } @lines;
		s/^ {$least}// for @lines;
		return ($path, join "\n", @lines);
	}
	return;
}

# Each -EXXX of the text with the words up to the next one.
sub errors {
	my ($call) = @_;
	my (@list, %seen);
	my $text = join ' ', split /\s+/, $call->{returns} // '';
	while ($text =~ /-(E[A-Z0-9]+)((?:(?!-E[A-Z0-9]{2}).)*)/g) {
		my ($error, $words) = ($1, $2);
		$words =~ s/\..*//s;
		$words =~ s/^[:,;\s]+(?:if |when |where )?|[;,\s]+(?:or|and)?\s*$//g;
		push @list, [ $error, $words || $meaning{$error} || '' ]
			unless $seen{$error}++;
	}
	# "As memlane_stat()" has the errors of that call; so has one that names it alone.
	my $which = @list ? qr/\b(?:as|errors of) / : qr//;
	for my $other ($text =~ /$which(memlane_\w+)\(\)/gi) {
		next if $other eq $call->{name} || !$calls->{$other};
		push @list, grep { !$seen{ $_->[0] }++ } errors($calls->{$other});
	}
	if ($call->{prototype} =~ /memlane_handle \w+[,)]/ && $call->{prototype} =~ /^int/) {
		push @list, map { [ $_, $meaning{$_} ] } grep { !$seen{$_} } @bad_handle;
	}
	return @list;
}

sub roff {
	my ($text) = @_;
	$text =~ s/\\/\\e/g;
	$text =~ s/-/\\-/g;
	$text =~ s/^([.'])/\\&$1/mg;
	$text =~ s/\b(memlane_\w+)\(\)/\\fB$1\\fR(3)/g;
	$text =~ s/(?<![\w])\@(\w+)/\\fI$1\\fR/g;
	return $text;
}

sub code {
	my ($text) = @_;
	$text =~ s/\\/\\e/g;
	$text =~ s/-/\\-/g;
	$text =~ s/^([.'])/\\&$1/mg;
	return ".in +4n\n.EX\n$text\n.EE\n.in\n";
}

sub paragraphs {
	return join ".PP\n", map { roff($_) . "\n" } split /\n[ \t]*\n/, $_[0];
}

sub page {
	my ($call) = @_;
	my $name = $call->{name};
	my ($path, $example) = example($name);
	my @errors = errors($call);
	my $man = ".\\\" SPDX-License-Identifier: MIT\n.\\\" Made by scripts/man.pl from $call->{header}.\n" .
		".TH $name 3 \"\" \"MemoryLane $version\" \"MemoryLane\"\n" .
		".SH NAME\n$name \\- " . roff($call->{summary}) . "\n" .
		".SH SYNOPSIS\n.nf\n.B #include <$call->{header}>\n.PP\n\\fB" . roff($call->{prototype}) .
		";\\fR\n.fi\n.PP\nLink with \\fI\\-lmemlane\\fR; \\fBpkg\\-config \\-\\-cflags \\-\\-libs libmemlane\\fR has the options.\n";
	$man .= ".SH DESCRIPTION\n" . ($call->{text} ? paragraphs($call->{text}) : roff(ucfirst $call->{summary}) . ".\n");
	$man .= ".SS Parameters\n" . join '', map { ".TP\n.I $_->[0]\n" . roff($_->[1]) . "\n" } @{ $call->{params} }
		if @{ $call->{params} };
	$man .= ".SH RETURN VALUE\n" . ($call->{returns} ? paragraphs($call->{returns}) : "None.\n");
	$man .= ".SH ERRORS\n" . (@errors ?
		join('', map { ".TP\n.B \\-$_->[0]\n" . roff(ucfirst $_->[1]) . "\n" } @errors) :
		"This call gives no error of its own.\n");
	$man .= ".SH EXAMPLES\nFrom \\fI" . roff($path) . "\\fR:\n.PP\n" . code($example) if $example;
	my @others = grep { $_ ne $name && exists $calls->{$_} }
		($call->{text} . ' ' . ($call->{returns} // '')) =~ /\b(memlane_\w+)\(\)/g;
	my %once;
	$man .= ".SH SEE ALSO\n" . join ",\n", map { "\\fB$_\\fR" }
		(grep { !$once{$_}++ } map { "$_\\fR(3)\\fB" } sort @others), "memlane\\fR(7)\\fB";
	return "$man\n";
}

# A call that returns an int can fail, and says how.
sub lacks {
	my ($call) = @_;
	my @lacks;
	my ($path) = example($call->{name});
	push @lacks, 'an example: no program of the project calls it' unless $path;
	push @lacks, 'a Return: line' if !$call->{returns} && $call->{prototype} !~ /^void \w/;
	push @lacks, 'an error' if $call->{prototype} =~ /^int\b/ && !errors($call) &&
		($call->{returns} // '') !~ /error|errno|always|number|how many|true|false|never|as memlane/i;
	push @lacks, map { "what $_->[0] means" } grep { !$_->[1] } errors($call);
	return map { "$call->{header}: $call->{name}: its page lacks $_" } @lacks;
}

$calls = calls();
die "no call found: run me in the top folder\n" unless %$calls;
if ($check) {
	my @wrong = map { lacks($calls->{$_}) } sort keys %$calls;
	print "$_\n" for @wrong;
	exit(@wrong ? 1 : 0);
}
for my $name (sort keys %$calls) {
	open my $f, '>', "$folder/$name.3" or die "$folder/$name.3: $!\n";
	print $f page($calls->{$name});
	close $f or die "$folder/$name.3: $!\n";
}
