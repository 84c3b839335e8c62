// SPDX-License-Identifier: MIT
/* test-cxx.cpp - memlane.hpp: owners, guards and containers over objects that move */
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include <memlane.hpp>

struct point {
	int x, y;
};

static int number, failed;

static void check(bool good, const char *name)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++number, name);
	failed += !good;
}

template <class F> static int error_of(F f)
{
	try {
		f();
	} catch (const memlane::error &e) {
		return e.code();
	}
	return 0;
}

/* The scope of C's struct has the namespace's names. */
static_assert(std::is_same<memlane::vector<int>, mlane::vector<int>>::value, "an alias");
static_assert(!std::is_default_constructible<memlane>::value, "there are pointers only");

/* Everything to the other lane and back, and together. */
static void shake(const memlane::arena &a, memlane_handle h)
{
	memlane_migrate(a.raw(), h, MEMLANE_SLOW);
	a.compact();
	memlane_migrate(a.raw(), h, MEMLANE_FAST);
}

static unsigned long live(const memlane::arena &a)
{
	memlane_stats st = {};

	st.size = sizeof(st);
	memlane_stat(a.raw(), &st);
	return st.live_objects;
}

static bool arena_moves()
{
	memlane::arena a;
	memlane::arena b(std::move(a));

	return !a.raw() && b.raw() && b.valid(b.make<int>(7));
}

static bool handles(const memlane::arena &a)
{
	auto h = a.make<point>({ 1, 2 });

	shake(a, h.raw());
	{
		memlane::section s(a);

		if (s[h].x != 1 || s[h].y != 2)
			return false;
		s[h].x = 5;
		if (s.find(h)->x != 5)
			return false;
	}
	a.migrate(h, MEMLANE_SLOW);
	if (a.lane(h) != MEMLANE_SLOW)
		return false;
	a.free(h);
	return !a.valid(h) && error_of([&] { a.free(h); }) == ESTALE;
}

static bool pins(const memlane::arena &a)
{
	auto h = a.make<point>({ 3, 4 });
	{
		memlane::pin<point> p(a, h);

		if (p->x != 3 || error_of([&] { a.migrate(h, MEMLANE_SLOW); }) != EBUSY)
			return false;
		memlane::pin<point> q(std::move(p));
		if ((*q).y != 4)
			return false;
	}
	a.migrate(h, MEMLANE_SLOW);
	return a.lane(h) == MEMLANE_SLOW;
}

struct page {
	char bytes[4096];
};

/* A handle may have been given another type: bounds are looked at. */
static bool small(const memlane::arena &a)
{
	auto h = a.make<int>(1);
	memlane::handle<page> wrong(h.raw());

	if (error_of([&] { memlane::pin<page> p(a, wrong); }) != ERANGE)
		return false;
	{
		memlane::section s(a);

		if (error_of([&] { s[wrong].bytes[0] = 1; }) != ERANGE)
			return false;
	}
	a.free(h);
	return !a.valid(h);
}

static bool views(const memlane::arena &a)
{
	auto h = a.make_array<int>(100);
	long sum = 0;
	{
		memlane::section s(a);

		for (auto &e : s.all(h))
			e = 2;
	}
	shake(a, h.raw());
	memlane::section s(a);
	for (int e : s.all(h))
		sum += e;
	return sum == 200 && a.count(h) == 100 && s.all(h).subview(90, 10).size() == 10 &&
	       error_of([&] { s.all(h).at(100); }) == ERANGE &&
	       error_of([&] { s.all(h).subview(91, 10); }) == ERANGE;
}

static bool vectors(const memlane::arena &a)
{
	memlane::vector<long> v(a);
	std::vector<long> model;

	for (long i = 0; i < 5000; i++) {
		if (i % 7 == 6) {
			v.pop_back();
			model.pop_back();
		} else {
			v.push_back(i);
			model.push_back(i);
		}
		if (i % 500 == 0)
			shake(a, v.raw().raw());
	}
	if (v.size() != model.size())
		return false;
	for (std::size_t i = 0; i < model.size(); i++)
		if (v.get(i) != model[i])
			return false;
	v.set(3, -1);
	memlane::vector<long> w(std::move(v));
	return w.get(3) == -1 && error_of([&] { w.get(model.size()); }) == ERANGE && v.empty();
}

/* Growth keeps the handle, but where the object may not move: there it is another one. */
static bool grown(const memlane::arena &a)
{
	memlane::vector<int> v(a);
	unsigned long before;

	v.push_back(1);
	auto first = v.raw().raw();
	/* A tool watches, or MEMLANE_GUARD. */
	if (memlane_resize(a.raw(), first, 8 * sizeof(int)) == -EOPNOTSUPP)
		return true;
	for (int i = 0; i < 1000; i++)
		v.push_back(i);
	if (v.raw().raw() != first)
		return false;
	before = live(a);
	{
		memlane::section s(a);

		v.reserve(100000);
	}
	return v.raw().raw() != first && v.get(0) == 1 && v.get(1000) == 999 && live(a) == before;
}

/* A container cannot leave what is pinned: it stays as it was. */
static bool pinned(const memlane::arena &a)
{
	memlane::vector<int> v(a);

	for (int i = 0; i < 8; i++)
		v.push_back(i);
	unsigned long before = live(a);
	{
		memlane::pin<int> p(a, v.raw());

		if (error_of([&] { v.push_back(8); }) != EBUSY || error_of([&] { v.reserve(9); }) != EBUSY ||
		    v.size() != 8 || v.capacity() != 8 || p.get()[7] != 7 || live(a) != before)
			return false;
		*p = 70;
	}
	v.push_back(8);
	return v.get(0) == 70 && v.get(8) == 8 && v.capacity() == 16 && live(a) == before;
}

static bool rings(const memlane::arena &a)
{
	memlane::ring<point> r(a, 37);
	std::deque<point> model;
	unsigned int seed = 1;
	point p;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 1) {
			if (r.push({ i, -i }) != (model.size() < 37))
				return false;
			if (model.size() < 37)
				model.push_back({ i, -i });
		} else {
			bool had = !model.empty();

			if (r.pop(p) != had || (had && p.x != model.front().x))
				return false;
			if (had)
				model.pop_front();
		}
		if (i % 1000 == 0)
			shake(a, r.raw().raw());
	}
	return r.size() == model.size();
}

/* What the program has in one place: its arena moves with it. */
struct world {
	memlane::arena a;
	memlane::vector<int> v;
	memlane::ring<int> r;

	explicit world(const memlane_config &c) : a(c), v(a), r(a, 4) {}
};

static bool arenas_with_containers(const memlane_config &config)
{
	int got;
	world first(config);

	first.v.push_back(1);
	first.r.push(10);
	world w(std::move(first));
	for (int i = 2; i <= 100; i++)
		w.v.push_back(i);
	w.r.push(11);
	shake(w.a, w.v.raw().raw());
	shake(w.a, w.r.raw().raw());
	return w.v.get(0) == 1 && w.v.get(99) == 100 && w.r.pop(got) && got == 10 && w.r.pop(got) &&
	       got == 11;
}

/* The compiler is not to see that they are one. */
__attribute__((noinline)) static void move_to(memlane::vector<int> &to, memlane::vector<int> &from)
{
	to = std::move(from);
}

static bool assigned(const memlane::arena &a)
{
	memlane::vector<int> v(a), w(a);
	memlane::ring<int> r(a, 3), q(a, 5);
	int got = 0;

	v.push_back(1);
	w.push_back(2);
	w.push_back(3);
	v = std::move(w);
	if (!w.empty() || w.capacity())
		return false;
	w.push_back(4);
	move_to(v, v);
	r.push(7);
	q.push(8);
	q = std::move(r);
	if (!r.empty() || r.capacity())
		return false;
	memlane::ring<int> p(std::move(q));
	return v.size() == 2 && v.get(1) == 3 && q.empty() && !q.pop(got) && !q.push(1) &&
	       p.capacity() == 3 && p.pop(got) && got == 7;
}

static bool unassigned(const memlane::arena &a)
{
	memlane::string s(a, "memory");
	memlane::pin<char> p(a, s.raw());

	try {
		s = std::string(100000, 'x');
	} catch (const memlane::error &e) {
		return e.code() == EBUSY && s == "memory";
	}
	return false;
}

/* What takes a span takes it in C++17 and in C++20, where it is the standard one. */
static long sum(memlane::span<int> s)
{
	long n = 0;

	for (int e : s)
		n += e;
	return s.size() == 100 ? n : -1;
}

static bool spans(const memlane::arena &a)
{
	auto h = a.make_array<int>(100);
	memlane::vector<int> v(a);

	{
		memlane::pin<int> p(a, h);

		for (int &e : p.span())
			e = 3;
		if (sum(p.span().first(100)) != 300)
			return false;
	}
	for (int i = 0; i < 100; i++)
		v.push_back(1);
	shake(a, h.raw());
	memlane::section s(a);
#if __cplusplus >= 202002L
	static_assert(std::is_same_v<decltype(s.span(h)), std::span<int>>);
#endif
	return sum(s.span(h)) == 300 && sum(v.in(s)) == 100 && s.span(h).subspan(90).size() == 10 &&
	       s.span(h).last(1).data() == &s.span(h).back() && s.span(h).size_bytes() == 400;
}

static bool nothing_left(const memlane::arena &a, unsigned long before)
{
	return live(a) == before;
}

int main()
{
	memlane_config config;
	const char *backend = getenv("MEMLANE_BACKEND");

	printf("TAP version 13\n");
	memlane_config_init(&config);
	config.policy_check_interval = 0;
	if (error_of([&] { memlane::arena a(config); }) == ENOENT && backend) {
		printf("1..0 # SKIP no /dev/memlane\n");
		return 4;
	}
	printf("1..15\n");
	memlane::arena a(config);
	check(arena_moves(), "arena_moves");
	check(handles(a), "handles_survive_moves_and_freed_ones_throw");
	check(pins(a), "a_pin_holds_until_its_end");
	check(small(a), "what_is_too_small_for_a_type_is_no_object_of_it");
	check(views(a), "a_view_shows_an_array_and_its_bounds");
	unsigned long before = live(a);
	check(vectors(a), "a_vector_is_like_the_standard_one");
	check(grown(a), "a_vector_grows_under_its_handle");
	check(pinned(a), "a_vector_whose_object_is_pinned_does_not_grow");
	check(rings(a), "a_ring_is_like_a_bounded_deque");
	check(assigned(a), "containers_can_be_moved_and_assigned");
	check(unassigned(a), "an_assignment_that_throws_changes_nothing");
	check(nothing_left(a, before), "containers_free_what_they_had");
	check(arenas_with_containers(config), "an_arena_can_be_moved_with_its_containers");
	check(spans(a), "an_array_is_a_span");
	config.threshold = 0;
	check(error_of([&] { memlane::arena b(config); }) == EINVAL, "nonsense_throws");
	return failed != 0;
}
