/* SPDX-License-Identifier: MIT */
/*
 * revoke.pml - frees without a compare-exchange, as others have to treat them
 *
 * See maker.pml. `o` is the maker, `s` what its flag says. The flag has three
 * values, so that whoever finds another thread at it does the same itself: only who
 * has been through all of it knows that it is over.
 */
#define FREEING		8	/* in a slot: this section may free by a plain store */
#define BIASED		0	/* SHARED: that thread alone frees and pins what it made */
#define REVOKING	1
#define REVOKED		2

/* Inside d_step only: somebody is told that he has freed it. */
inline count_free(i, g)
{
	check(FREED_TWICE, !(freed_by[i] & (1 << (g))));
	freed_by[i] = freed_by[i] | (1 << (g))
}

#ifdef M_TRUSTS_REVOKING
#define is_revoked(s)	((s) != BIASED)
#else
#define is_revoked(s)	((s) == REVOKED)
#endif

/* The barrier that a thread asks for: its own stores first, then those of each CPU. */
inline barrier(me)
{
#ifndef M_NO_OWN_BARRIER
	drained(me);
#endif
#ifndef M_NO_REVOKE_BARRIER
	do
	:: t < THREADS && drained(t) -> t++
	:: t == THREADS -> t = 0; break
	od
#endif
}

/* What may have begun before the barrier has ended. */
inline wait_freeing(o)
{
#ifdef M_WAIT_SECTION
	/* Not for its end alone: it may be the program's. */
	s = mem[SLOT(o)];
	s == 0 || mem[SLOT(o)] != s
#else
#ifdef M_NO_WAIT
	skip
#else
	!(mem[SLOT(o)] & FREEING)
#endif
#endif
}

/* Before this thread frees or pins an object that it has not made. */
inline revoke(me, i)
{
#ifdef M_NO_REVOKE
	skip
#else
	atomic { o = load(me, MADE_BY(i)); s = load(me, SHARED(o)) };
	if
	:: is_revoked(s)
	:: !is_revoked(s) ->
		store(me, SHARED(o), REVOKING);
		barrier(me);
		wait_freeing(o);
		store(me, SHARED(o), REVOKED)
	fi;
	d_step { s = 0; o = 0 }
#endif
}
