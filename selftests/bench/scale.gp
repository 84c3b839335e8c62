# SPDX-License-Identifier: MIT
# Cost against live objects, from what `make run` wrote: gnuplot -e "from='...'" scale.gp
set terminal svg size 760,480 font 'sans,12'
set datafile separator '\t'
set logscale x 10
set format x '10^{%T}'
set xlabel 'live objects of 48 bytes'
set ylabel 'ns'
set yrange [0:*]
set grid
set key left top
of(lane, column) = sprintf("< awk -F '\t' '$1 == \"%s\"' %s", lane, from)
plot of('fast', 0) using 2:3 with linespoints title 'FastLane: alloc while it grows', \
	'' using 2:4 with linespoints title 'FastLane: free and alloc at random', \
	'' using 2:6 with linespoints title 'glibc: free and malloc at random', \
	of('slow', 0) using 2:3 with linespoints title 'SlowLane: alloc while it grows', \
	'' using 2:4 with linespoints title 'SlowLane: free and alloc at random'
