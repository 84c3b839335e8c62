#!/bin/sh
# SPDX-License-Identifier: MIT
# Draw Documentation/lanes.svg: a program's handles, the table, the two lanes, and one
# move. Prints the picture; `make style` sees to it that the file is what this prints.
set -eu

W=860 H=400

open_svg() {
	cat <<-END
	<?xml version="1.0" encoding="UTF-8"?>
	<!-- SPDX-License-Identifier: MIT -->
	<!-- Made by scripts/picture.sh: change that. -->
	<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $W $H" width="$W" height="$H" font-family="sans-serif" font-size="14">
	<title>Handles, the handle table and the two lanes; one object moves, its handle stays</title>
	<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0 0L9 4L0 8z" fill="#444"/></marker></defs>
	<rect width="$W" height="$H" fill="#fff"/>
	END
}

# text X Y ANCHOR WORDS [EXTRA]
text() { echo "<text x=\"$1\" y=\"$2\" text-anchor=\"$3\" fill=\"#222\"${5:+ $5}>$4</text>"; }

# box X Y WIDTH HEIGHT FILL [EXTRA]
box() {
	echo "<rect x=\"$1\" y=\"$2\" width=\"$3\" height=\"$4\" rx=\"3\" fill=\"$5\" stroke=\"#555\"${6:+ $6}/>"
}

# arrow PATH [EXTRA [WIDTH]]
arrow() {
	echo "<path d=\"$1\" fill=\"none\" stroke=\"#444\" stroke-width=\"${3:-1.5}\" marker-end=\"url(#tip)\"${2:+ $2}/>"
}

program() {
	text 90 30 middle "program" 'font-weight="bold"'
	box 30 50 120 130 '#eef3fb'
	text 90 80 middle "handle A"
	text 90 120 middle "handle B"
	text 90 160 middle "handle C"
	text 90 205 middle "names: never change"
}

table() {
	text 300 30 middle "handle table" 'font-weight="bold"'
	for row in A B C; do
		case $row in A) y=58 ;; B) y=98 ;; *) y=138 ;; esac
		box 230 $y 140 30 '#fff8e0'
		text 300 $((y + 20)) middle "where $row is"
		arrow "M150 $((y + 15))H226"
	done
	text 300 205 middle "one load, one xor"
}

# lane Y NAME FILL WORDS
lane() {
	text 480 $(($1 - 10)) start "$2" 'font-weight="bold"'
	text 830 $(($1 - 10)) end "$4" 'font-size="12"'
	x=480
	while [ $x -lt 830 ]; do
		box $x "$1" 50 44 "$3" 'stroke-dasharray="3 2"'
		x=$((x + 50))
	done
}

# object X Y NAME FILL [EXTRA]
object() {
	box "$1" "$2" 38 32 "$4" "${5:-}"
	text $(($1 + 19)) $(($2 + 21)) middle "$3"
}

lanes() {
	lane 60 FastLane '#f1faf1' "short-lived, in memory, never compressed"
	object 486 66 A '#bfe5bf'
	object 536 66 B '#bfe5bf'
	object 786 66 C '#fff' 'stroke-dasharray="4 3"'
	lane 250 SlowLane '#f5f0fa' "large or lasting"
	object 486 256 C '#dcc8ee'
}

pointers() {
	arrow "M370 73C430 73 430 82 482 82"
	arrow "M370 113C420 113 540 150 555 102"
	arrow "M370 153C430 153 430 272 482 272"
	arrow "M805 102C800 220 640 275 528 272" '' 3
	text 500 195 start "a move: copy, then one store" 'font-size="12"'
	text 500 212 start "into the table" 'font-size="12"'
}

gaps() {
	box 545 335 285 36 '#fff' 'stroke-dasharray="3 2"'
	text 688 358 middle "emptied pages go back to the system"
	arrow "M838 82H848V353H834"
	text 30 355 start "Readers are never stopped: who meets a planned move"
	text 30 375 start "takes the mark off, and the object stays."
}

open_svg
program
table
lanes
pointers
gaps
echo '</svg>'
