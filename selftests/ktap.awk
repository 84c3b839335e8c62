# SPDX-License-Identifier: MIT
# Count the results in a test's output, KTAP or not:
#
#	awk -v status=EXIT -f ktap.awk OUTPUT
#
# prints "PASSED FAILED SKIPPED" and then a line for each failure, with the first
# and the last of the `#` lines that came since the result before it. Only leaves
# count: a result that sums up nested ones is looked at only for a failure that
# none of them had. A plan that was not fulfilled, an exit status that does not
# fit and a bail-out are failures too. Output without KTAP is one result, told
# by the exit status (4 is a skip).

function fail(text) { failed++; why[failed] = text told() }

# The first FIRST and the last LAST of the lines noted since the last result.
function told(    all, i)
{
	for (i = 1; i <= notes; i++) {
		if (i <= FIRST || i > notes - LAST)
			all = all "\n  " note[i]
		else if (i == FIRST + 1)
			all = all "\n  ..."
	}
	return all
}

# Leave all levels deeper than `to`, each of which must have kept its plan, and
# note for the result that follows what was inside.
function leave(to,    d)
{
	inside = bad_inside = 0
	for (d = depth; d > to; d--) {
		if (d in plan && plan[d] != seen[d])
			fail("planned " plan[d] " results, gave " seen[d] + 0)
		inside += seen[d]
		bad_inside += bad[d]
		delete plan[d]
		delete seen[d]
		delete bad[d]
	}
	depth = to
}

function result(level, good, text)
{
	leave(level)
	seen[level]++
	if (!good)
		bad[level]++
	if (inside && (good || bad_inside))
		;
	else if (text ~ /# *[Ss][Kk][Ii][Pp]/)
		skipped++
	else if (good)
		passed++
	else
		fail(text)
	notes = 0
}

function indent(line) { match(line, /^ */); return RLENGTH }

BEGIN { depth = -1; FIRST = 4; LAST = 8 }

/^(TAP|KTAP) version/ { leave(-1); ktap = 1; notes = 0 }

/^ *#/ {
	text = $0
	sub(/^ */, "", text)
	note[++notes] = text
}

/^ *1\.\.[0-9]+/ {
	ktap = 1
	level = indent($0)
	if (level > depth)
		depth = level
	text = $0
	sub(/^ *1\.\./, "", text)
	plan[level] = text + 0
	if (plan[level] == 0 && text ~ /[Ss][Kk][Ii][Pp]/)
		skipped++
}

/^ *(not )?ok( |$)/ {
	text = $0
	sub(/^ */, "", text)
	result(indent($0), text !~ /^not/, text)
	ktap = 1
}

/^ *Bail out!/ { fail($0); ktap = 1 }

END {
	leave(-1)
	if (!ktap && status == 0)
		passed++
	else if (!ktap && status == 4)
		skipped++
	else if (status == 124)
		fail("time-out")
	else if (status != 0 && status != 4 && !failed)
		fail("exit status " status)
	else if (ktap && passed + failed + skipped == 0)
		fail("no result at all")
	print passed + 0, failed + 0, skipped + 0
	for (i = 1; i <= failed; i++)
		print why[i]
}
