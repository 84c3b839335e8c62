# SPDX-License-Identifier: MIT
# What is kept of cold objects, from what `make run` wrote: gnuplot -e "from='...'" keep.gp
set terminal svg size 760,420 font 'sans,12'
set datafile separator '\t'
set key autotitle columnheader at graph 0.6,0.9
set xlabel 'ageing periods; all objects are read after 60, a quarter of them always'
set ylabel 'MiB'
set yrange [0:*]
set grid
set style fill solid 1.0 noborder
set boxwidth 1
set xrange [0:92]
plot from using 1:(($2 + $3) / 2**20) with boxes title 'compressed' lc rgb '#e6a23c', \
	'' using 1:($2 / 2**20) with boxes title 'resident' lc rgb '#4f86c6', \
	'' using 1:($4 / 2**20) with lines lw 2 lc rgb '#666666' title 'stored in the file'
