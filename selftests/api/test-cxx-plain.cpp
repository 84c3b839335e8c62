// SPDX-License-Identifier: MIT
/* test-cxx-plain.cpp - memlane.hpp without exceptions: containers, owners, keys */
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

#include <memlane.hpp>

static int number, failed;

static void check(bool good, const char *name)
{
	printf("%s %d %s\n", good ? "ok" : "not ok", ++number, name);
	failed += !good;
}

struct pair {
	int a, b;
};

static unsigned long live(const memlane::arena &a)
{
	memlane_stats st = {};

	st.size = sizeof(st);
	st.flags = MEMLANE_STAT_EXACT;
	memlane_stat(a.raw(), &st);
	return st.live_objects;
}

/* Everything to the other lane and together. */
static void shake(const memlane::arena &a, memlane_handle h)
{
	memlane_migrate(a.raw(), h, memlane_lane(a.raw(), h) == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST);
	memlane_compact(a.raw(), 0, 0, nullptr);
}

static bool elements(const memlane::arena &a)
{
	memlane::vector<int> v(a, { 1, 2, 3 });
	const memlane::vector<int> &c = v;
	int sum = 0;

	v[1] = 20;
	v[2] = v[0];
	v.front() = v.back() = 7;
	shake(a, v.raw().raw());
	for (int e : c)
		sum += e;
	for (auto e : v)
		sum += e;
	swap(v[0], v[1]);
	return sum == 2 * (7 + 20 + 7) && c[0] == 20 && c[1] == 7 &&
	       std::accumulate(c.begin(), c.end(), 0) == 34 && v.end() - v.begin() == 3;
}

static bool sizes(const memlane::arena &a)
{
	memlane::vector<pair> v(a);
	std::vector<int> model;

	for (int i = 0; i < 100; i++) {
		v.emplace_back(i, -i);
		model.push_back(i);
	}
	v.erase(v.begin() + 10);
	model.erase(model.begin() + 10);
	v.erase(5, 50);
	model.erase(model.begin() + 5, model.begin() + 50);
	v.erase(v.begin(), v.begin());
	v.resize(60, pair{ 3, -3 });
	model.resize(60, 3);
	v.resize(58);
	model.resize(58);
	shake(a, v.raw().raw());
	for (std::size_t i = 0; i < model.size(); i++)
		if (v.get(i).a != model[i] || v.get(i).b != -model[i])
			return false;
	return v.size() == model.size();
}

static bool copies(const memlane::arena &a)
{
	memlane::vector<int> v(a, { 1, 2, 3 }), none(a);
	memlane::vector<int> w(v), x(none);

	v[0] = 9;
	x = w;
	w[1] = 8;
	return v.get(0) == 9 && w.get(0) == 1 && w.get(1) == 8 && x.get(1) == 2 && x.size() == 3 &&
	       v.raw() != w.raw();
}

static bool strings(const memlane::arena &a)
{
	memlane::string s(a, "memory"), copy(s), empty(a);

	s += " that can move";
	shake(a, s.raw().raw());
	copy = "other";
	memlane::section in(a);
	return s == "memory that can move" && copy == "other" && copy != "memory" && s[7] == 't' &&
	       empty.str().empty() && s.in(in).size() == s.size() && std::string(s) == s.str();
}

static bool owners(const memlane::arena &a, unsigned long before)
{
	{
		auto h = memlane::make_unique<pair>(a, { 1, 2 });
		memlane::unique_handle<pair> other(std::move(h)), third;

		if (h || !other || live(a) != before + 1)
			return false;
		third = memlane::make_unique<pair>(a, { 3, 4 });
		third = std::move(other);
		if (other || live(a) != before + 1)
			return false;
		memlane::section s(a);
		if (s[third.get()].b != 2)
			return false;
	}
	return live(a) == before;
}

static bool keys(const memlane::arena &a)
{
	std::unordered_map<memlane::handle<int>, int> of;
	memlane::handle<int> h[50];

	for (int i = 0; i < 50; i++)
		of[h[i] = a.make<int>(i)] = i;
	shake(a, h[7].raw());
	for (int i = 0; i < 50; i++) {
		if (of.at(h[i]) != i)
			return false;
		a.free(h[i]);
	}
	return of.size() == 50;
}

int main()
{
	const char *backend = std::getenv("MEMLANE_BACKEND");
	memlane_config config;
	struct memlane *m;

	printf("TAP version 13\n");
	memlane_config_init(&config);
	config.policy_check_interval = 0;
	if (memlane_open(&m, &config)) {
		printf("1..0 # SKIP no arena: %s\n", backend ? backend : "");
		return 4;
	}
	memlane_close(m);
	printf("1..7\n");
	memlane::arena a(config);
	unsigned long before = live(a);
	check(elements(a), "elements_are_read_and_assigned_where_they_are_now");
	check(sizes(a), "a_vector_grows_shrinks_and_closes_up");
	check(copies(a), "a_copy_is_an_object_of_its_own");
	check(strings(a), "a_string_is_kept_and_copied_out");
	check(owners(a, before), "an_owner_frees_at_its_end");
	check(keys(a), "a_handle_is_a_key_that_moves_do_not_change");
	check(live(a) == before, "nothing_is_left");
	return failed != 0;
}
