# SPDX-License-Identifier: GPL-2.0
# gnuplot -c plot.gp FOLDER: plots of the CSV files that report.py has written there.
folder = ARG1
set terminal svg size 900,600 dynamic background "white"
set datafile separator ","
set datafile missing NaN
set key top left
set grid
set ylabel "instructions"

operations = "clone chosen busy_oldest busy_youngest clone_past_all"
titles = "'clone()' 'all levels chosen' 'busy at oldest' 'busy at youngest' 'clone(), search past all live pids'"

# Column n of the rows of one tree, one measure and one operation; 6 is base, 7 is patched.
pick(tree, what, operation, n) = \
	strcol(1) eq tree && strcol(2) eq what && strcol(3) eq operation && strlen(strcol(n)) ? column(n) : NaN

set logscale xy
set xlabel "levels"
set xrange [1:40]
set xtics (1, 2, 4, 8, 16, 32)
do for [tree in "dense sparse worst"] {
	set output folder."/cost-".tree.".svg"
	set title "What a call pays for its struct pid, ".tree." tree"
	plot for [i=1:4] folder."/cost.csv" using 5:(pick(tree, "cost", word(operations, i), 6)) \
			with linespoints lc i dt 2 pt 6 title word(titles, i).", base", \
	     for [i=1:4] folder."/cost.csv" using 5:(pick(tree, "cost", word(operations, i), 7)) \
			with linespoints lc i dt 1 pt 7 title word(titles, i).", patched"
}

do for [what in "longest sum"] {
	set output folder."/hold-".what.".svg"
	set title "pidmap\\_lock held with interrupts off, dense tree: ".(what eq "sum" ? "the sum for a call" : "the longest time")
	plot for [i=1:4] folder."/hold.csv" using 5:(pick("dense", "alloc_".what, word(operations, i), 6)) \
			with linespoints lc i dt 2 pt 6 title word(titles, i).", base", \
	     for [i=1:4] folder."/hold.csv" using 5:(pick("dense", "alloc_".what, word(operations, i), 7)) \
			with linespoints lc i dt 1 pt 7 title word(titles, i).", patched", \
	     folder."/hold.csv" using 5:(pick("dense", "free_".what, "clone", 6)) \
			with linespoints lc 5 dt 2 pt 6 title "free\\_pid(), base", \
	     folder."/hold.csv" using 5:(pick("dense", "free_".what, "clone", 7)) \
			with linespoints lc 5 dt 1 pt 7 title "free\\_pid(), patched"
}

set output folder."/growth.svg"
set title "What a call pays for its struct pid, 4 levels"
set xlabel "live pids"
set xrange [10:100000]
set xtics (10, 100, 1000, 10000, 100000)
plot for [i=1:5] folder."/growth.csv" using 4:(pick("growth", "cost", word(operations, i), 6)) \
		with linespoints lc i dt 2 pt 6 title word(titles, i).", base", \
     for [i=1:5] folder."/growth.csv" using 4:(pick("growth", "cost", word(operations, i), 7)) \
		with linespoints lc i dt 1 pt 7 title word(titles, i).", patched"
