/* SPDX-License-Identifier: MIT */
/*
 * maker.pml - threads that free what they have made, and keep it for their next object
 *
 * Two savings, which move.pml's freer and allocator do not make:
 *
 *  - A maker ends its own object by a plain store, for as long as nobody else has
 *    freed or pinned anything of its. Its slot says FREEING meanwhile; see revoke.pml.
 *  - Its magazine has words that are ready to be stored, so that making an object loads
 *    no entry. `stamp` is the epoch in which those from `base` up were read; what is
 *    below is read anew when its turn comes.
 *
 * Choices:
 *   OPS=n		what each of them does, in any order
 *   MAKES		makes objects of what it has freed, and reads them back
 *   FLUSHES		gives indices back, and has them bound again
 *   PINS		pins what it has made
 *   NESTED		all of it in one section of the program's
 *   HOLD_NESTED	which may last for ever
 *   TWO			two makers, with an object each
 *   WINDOW		one maker, with two objects, which it may free in one window
 *   DIES		may die while it frees; the kernel finds its slot
 *   FREES=n		so many threads free index 0's first object
 */

/* What a maker knows of an index. */
#define GONE	0
#define MINE	1	/* its generation is in gen[] */
#define STOCK	2

#ifdef NESTED
#define section		outer
#define begin(me, s)	skip
#define end(me)		skip
#else
#define section		e
#define begin(me, s)	store(me, SLOT(me), s)
#define end(me)		store(me, SLOT(me), 0)
#endif

/* ---- the magazine -------------------------------------------------------- */

/* Inside d_step only. Whatever is there already is from before epoch x. */
inline put(i, x, w)
{
#ifdef M_STAMPS_ALL
	stamp = x;
#else
	if
	:: stamp != x -> base = nr; stamp = x
	:: else
	fi;
#endif
	index[nr] = i;
	ready[nr] = w | LIVE;
	nr++
}

/* ---- free ---------------------------------------------------------------- */

#ifdef M_FREE_MARKED
#define is_clean(w)	!((w) & COPYING)
#else
#define is_clean(w)	!((w) & BUSY)
#endif
#ifdef M_FREE_NO_PINS
#define no_pins(i)	true
#else
#define no_pins(i)	(pins[i] == 0)
#endif
#ifdef M_FREE_OWN_NO_SECTION
#define freeing		FREEING
#else
#define freeing		(section | FREEING)
#endif

/* The plain store, if it may be: leaves ok, and the next word in w. */
inline end_plainly(me, i, g)
{
	d_step {
		sb_count[me] < DEPTH ->
		if
		:: no_pins(i) ->
			w = freed(w & ~BUSY, g);
			push(me, WORD(i), w);
			count_free(i, g);
			ok = true
		:: !no_pins(i) -> told_of_pin()
		fi
	}
}

inline end_by_swap(me, i, g)
{
	kill_entry(me, i, g);
	if
	:: ok -> w = freed(w, g); second_look(me, i, g)
	:: !ok
	fi
}

/*
 * The flag is asked before, so that FREEING is not set once it is of no use, and
 * again behind the store of FREEING: whoever is revoking sees that store, or this
 * load sees him.
 */
inline free_own(me, i, g)
{
	ok = false;
	e = epoch;
	s = load(me, SHARED(me));
	if
#ifndef M_ALWAYS_PLAIN
	:: s != BIASED -> begin(me, e); end_by_swap(me, i, g)
	:: s == BIASED ->
#else
	:: true ->
#endif
		store(me, SLOT(me), freeing);
#ifdef DIES
		if
		:: goto dies
		:: true
		fi;
#endif
#if !defined(M_FLAG_FIRST) && !defined(M_ALWAYS_PLAIN)
		s = load(me, SHARED(me));
#endif
		w = load(me, WORD(i));
		if
		:: stale(w, g)
		:: !stale(w, g) && s == BIASED && is_clean(w) ->
#ifdef M_FREEING_ENDS_EARLY
			store(me, SLOT(me), section);
#endif
			end_plainly(me, i, g);
#ifdef DIES
			if
			:: goto dies
			:: true
			fi
#endif
		:: !stale(w, g) && !(s == BIASED && is_clean(w)) ->
			store(me, SLOT(me), section);
			end_by_swap(me, i, g)
		fi;
#ifdef NESTED
		store(me, SLOT(me), outer)
#endif
	fi;
#ifdef M_STAMP_LATE
	e = epoch;
#endif
	atomic {
		if
		:: ok -> put(i, e, w)
		:: else
		fi
	};
	end(me)
}

#ifdef WINDOW
/*
 * Both, with FREEING set once and the flag loaded once. What others are after is the last
 * one. What is not to be freed plainly is left to a free of its own.
 */
inline free_window(me)
{
	e = epoch;
#ifdef M_FLAG_FIRST
	s = load(me, SHARED(me));
#endif
	store(me, SLOT(me), freeing);
#ifndef M_FLAG_FIRST
	s = load(me, SHARED(me));
#endif
	i = 2;
	do
	:: i > 0 ->
		i--;
		ok = false;
		w = load(me, WORD(i));
		if
		:: !stale(w, gen[i]) && s == BIASED && is_clean(w) -> end_plainly(me, i, gen[i])
		:: else
		fi;
		atomic {
			if
			:: ok -> put(i, e, w); knows[i] = STOCK
			:: else -> break
			fi
		};
		count_try(i, gen[i]);
#ifdef M_WINDOW_ENDS_EARLY
		store(me, SLOT(me), section)
#endif
	:: i == 0 -> break
	od;
#ifdef NESTED
	store(me, SLOT(me), outer);
#endif
	end(me)
}
#endif

/* It may be somebody else's by now: who made it last? */
inline free_told(me, i, g)
{
#if MAKERS > 1
	if
	:: load(me, MADE_BY(i)) == me -> free_own(me, i, g)
	:: load(me, MADE_BY(i)) != me ->
		ok = false;
		e = epoch;
#ifdef M_REVOKES_IN_FREEING
		store(me, SLOT(me), e | FREEING);
#else
		begin(me, e);
#endif
		revoke(me, i);
		end_by_swap(me, i, g);
		atomic {
			if
			:: ok -> put(i, e, w)
			:: else
			fi
		};
		end(me)
	fi
#else
	free_own(me, i, g)
#endif
}

/* ---- make ---------------------------------------------------------------- */

/*
 * The section's store is the stamp itself. The epoch is loaded behind it: if it is
 * the same, the word is as good as one that was loaded now.
 */
inline enter_make(me)
{
#ifdef NESTED
	e = epoch;
#else
#ifdef M_EPOCH_BEFORE_SECTION
	e = epoch;
	store(me, SLOT(me), e);
#else
	store(me, SLOT(me), stamp);
	e = epoch;
	if
	:: e == stamp
	:: e != stamp -> store(me, SLOT(me), e)
	fi;
#endif
#endif
#ifndef M_STAMPS_ALL
	if
	:: e != stamp -> base = nr; stamp = e
	:: else
	fi
#endif
}

#ifdef M_NO_STAMP
#define is_ready()	true
#else
#define is_ready()	(nr > base && e == stamp)
#endif

inline make(me)
{
	enter_make(me);
	i = index[nr - 1];
	o = me;
	store(me, MADE_BY(i), o);
	if
	:: is_ready() -> w = ready[nr - 1]; store(me, WORD(i), w)
	:: !is_ready() -> alloc(me, i)
	fi;
	o = 0;
	d_step {
		nr--;
		base = (base > nr -> nr : base);
		index[nr] = 0; ready[nr] = 0;
		gen[i] = GEN(w);
		knows[i] = MINE
	};
	store(me, DATA(LOC(w)), OBJECT(i, gen[i]));
	if
	:: i == 0 -> store(me, TOLD, gen[0])
	:: else
	fi;
	end(me)
}

inline read_back(me, i)
{
#ifndef NESTED
	enter(me);
#endif
	get(me, i, gen[i]);
#if MAKERS == 1 && !defined(FREES)
	atomic { check(LOST_OBJECT, ok) };
#endif
	if
	:: ok -> d_step {
			check(WRONG_BYTES, gen[i] < dead[i] ||
			      load(me, DATA(LOC(w))) == OBJECT(i, gen[i]))
		}
	:: !ok
	fi;
#ifndef NESTED
	leave(me)
#endif
}

/* ---- the engine, for a maker that asks it -------------------------------- */

/* The last one goes, and comes back bound to another place, with a word of now. */
inline rebind(me)
{
	d_step {
		!kernel_lock && drained(me) && lowest_free != UNBOUND && GEN(mem[WORD(index[nr - 1])]) < 3 ->
		nr--;
		base = (base > nr -> nr : base);
		i = index[nr];
		w = place[i];
		place[i] = lowest_free;
		owner[place[i]] = INDEX(i);
		mem[WORD(i)] = ENTRY(0, GEN(mem[WORD(i)]) + 1, place[i]);
		vacate(w);
		dead[i] = GEN(mem[WORD(i)]);
		put(i, epoch, mem[WORD(i)])
	}
}

/* ---- what it does -------------------------------------------------------- */

/* Objects that it has pinned itself. */
inline pin_own(me, i)
{
	enter(me);
	get(me, i, gen[i]);
	if
	:: ok ->
		atomic { drained(me) -> pins[i]++ };
		get(me, i, gen[i]);
		if
		:: ok -> d_step { at = LOC(w); pinned = i }
		:: !ok -> atomic { drained(me) -> pins[i]-- }
		fi
	:: !ok
	fi;
	leave(me)
}

inline count_try(i, g)
{
	if
	:: i == 0 && g == 0 && !has_tried -> has_tried = true; tried()
	:: else
	fi
}

#ifdef DIES
bool died;
#endif

proctype maker(byte me)
{
	byte e, outer, w, i, s, o, t, ops, at;
	byte pinned = NOTHING;
	byte knows[INDICES], gen[INDICES];
	byte index[INDICES], ready[INDICES], nr, base, stamp;
	bool ok, has_tried;

	d_step {
		knows[0] = MINE;
#ifndef ONE
		if
#if defined(TWO) || defined(WINDOW)
		:: true -> knows[1] = MINE
#else
		:: me == MAKER(0) -> put(1, 1, ENTRY(0, 0, 1)); knows[1] = STOCK
		:: else
#endif
		fi
#endif
	};
#ifdef NESTED
	enter(me);
	outer = load(me, SLOT(me));
#endif
	do
	:: ops < OPS ->
		ops++;
		if
		:: knows[0] == MINE ->
			free_told(me, 0, gen[0]);
			knows[0] = (ok -> STOCK : GONE);
			count_try(0, gen[0])
#ifndef ONE
		:: knows[1] == MINE ->
			free_told(me, 1, gen[1]);
			knows[1] = (ok -> STOCK : GONE)
#endif
#ifdef WINDOW
		:: knows[0] == MINE && knows[1] == MINE -> free_window(me)
#endif
#ifdef MAKES
		:: nr > 0 && GEN(ready[nr - 1]) < 3 ->
			make(me);
			read_back(me, i)
#endif
#if MAKERS > 1
		:: knows[0] == GONE && load(me, TOLD) > gen[0] ->
			gen[0] = load(me, TOLD);
			knows[0] = MINE
#endif
#ifdef FLUSHES
		:: nr > 0 -> rebind(me)
		:: nr > 0 ->
			d_step { nr--; base = (base > nr -> nr : base); i = index[nr] };
			flush(me, i);
			knows[i] = GONE
#endif
#ifdef PINS
		:: knows[0] == MINE && pinned == NOTHING -> pin_own(me, 0)
		:: pinned != NOTHING ->
			use_and_unpin(me, at, pinned, gen[pinned]);
			pinned = NOTHING
#endif
#ifdef M_RESETS_FLAG
		/* The record is another thread's now, which begins anew. */
		:: me == MAKER(0) && drained(me) -> mem[SHARED(me)] = BIASED
#endif
		:: else -> break
		fi;
		d_step { i = 0; w = 0; s = 0; e = 0; ok = false }
	:: break
	od;
#ifdef HOLD_NESTED
	if
	:: true
	:: true ->
end_held:	false
	fi;
#endif
#ifdef NESTED
	leave(me);
#endif
	if
	:: pinned != NOTHING -> use_and_unpin(me, at, pinned, gen[pinned]); pinned = NOTHING
	:: else
	fi;
	goto out;
#ifdef DIES
dies:	drained(me);
	died = true;
#endif
out:	skip
}

#ifdef DIES
/* What a dead thread had in its slot is taken out, or whoever waits for it waits for ever. */
proctype reaper(byte dead_one)
{
end_reaper:
	died;
#ifndef M_REAP_LEAVES_SLOT
	mem[SLOT(dead_one)] = 0
#endif
}
#endif

#ifdef KERNEL
/*
 * FREE_LIVE of the first object. The maker is asked before the lock is taken: whoever
 * holds it while a thread is in its window would hold the arena for as long.
 */
inline kernel_revoke()
{
#ifndef M_NO_REVOKE
	o = mem[MADE_BY(0)];
	mem[SHARED(o)] = REVOKING;
#ifndef M_NO_REVOKE_BARRIER
	do
	:: t < THREADS && drained(t) -> t++
	:: t == THREADS -> t = 0; break
	od;
#endif
	wait_freeing(o);
	mem[SHARED(o)] = REVOKED
#else
	skip
#endif
}

/* Leaves ok if it has ended the object; a swap that fails is tried again. */
inline kernel_kill()
{
	do
	:: atomic {
		w = mem[WORD(0)];
		if
		:: stale(w, 0) -> break
		:: else
		fi
	   };
	   if
	   :: pins[0] != 0 -> told_of_pin(); break
	   :: pins[0] == 0 ->
		atomic {
			if
			:: mem[WORD(0)] == w ->
				mem[WORD(0)] = freed(w, 0);
				ok = true;
				break
			:: else
			fi
		}
	   fi
	od
}

proctype kernel_free()
{
	byte w, o, s, t;
	bool ok;

	kernel_revoke();
	atomic { !kernel_lock -> kernel_lock = true };
	kernel_kill();
	if
	:: d_step { ok && pins[0] == 0 ->
		dead[0] = 1;
		count_free(0, 0);
		w = place[0];
		place[0] = UNBOUND;
		mem[WORD(0)] = ENTRY(0, 1, 0);
		vacate(w) }
	:: ok && pins[0] != 0 ->
		told_of_pin();
		atomic {
			if
			:: mem[WORD(0)] == freed(w, 0) -> mem[WORD(0)] = w & ~MOVING
			:: else
			fi
		}
	:: !ok
	fi;
	kernel_lock = false;
	tried()
}
#endif
