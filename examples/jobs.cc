// SPDX-License-Identifier: MIT
/*
 * jobs.cc - C++17: a queue of jobs and a table of results, on memory that moves
 *
 * The office owns its arena, its queue and its table, and is itself handed around;
 * between two jobs everything is compacted and goes to the other lane.
 */
#include <cstdio>

#include <memlane.hpp>

struct job {
	int number;
	memlane::handle<double> data; /* names an array, wherever that is */
};

struct office {
	memlane::arena arena;
	memlane::ring<job> queue;
	memlane::vector<double> results;

	office() : queue(arena, 8), results(arena) {}
};

static void order(office &o, int number)
{
	job j = { number, o.arena.make_array<double>(1000) };
	memlane::pin<double> p(o.arena, j.data); /* stays where it is until p ends */
	double x = number;

	for (double &e : p.span())
		e = x++;
	o.queue.push(j);
}

static double mean(const office &o, const job &j)
{
	memlane::section s(o.arena); /* addresses are good until s ends */
	double sum = 0;

	for (double e : s.span(j.data))
		sum += e;
	return sum / s.span(j.data).size();
}

static office work(office o)
{
	job j;

	while (o.queue.pop(j)) {
		o.arena.migrate(o.queue.raw(), o.arena.lane(o.queue.raw()) ^ 1);
		o.arena.migrate(j.data, MEMLANE_SLOW);
		o.arena.compact();
		o.results.push_back(mean(o, j));
		o.arena.free(j.data);
	}
	return o;
}

int main()
{
	try {
		office o;

		for (int i = 0; i < 8; i++)
			order(o, i);
		o = work(std::move(o));
		for (std::size_t i = 0; i < o.results.size(); i++) {
			printf("job %zu: %.1f\n", i, o.results.get(i));
			if (o.results.get(i) != i + 499.5)
				return 1;
		}
		return o.results.size() == 8 ? 0 : 1;
	} catch (const memlane::error &e) {
		fprintf(stderr, "%s\n", e.what());
		return 1;
	}
}
