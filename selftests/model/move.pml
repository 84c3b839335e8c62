/* SPDX-License-Identifier: MIT */
/*
 * move.pml - the move protocol, as a Promela model
 *
 * Documentation/protocol.md is the text to this. Each user thread owns a FIFO
 * store buffer (x86-TSO): its plain stores reach memory when `cache` drains
 * them, its own loads look there first, and its locked operations wait until
 * it is empty. The mover is the kernel: its interrupt is the only way in which
 * it can make somebody else's stores visible.
 *
 * Ghosts: owner[], place[] and dead[] record what is true; no thread decides by
 * them, except that the kernel may read owner[] and place[], which stand for its
 * own free map and descriptors. User threads only see mem[], pins[] and epoch.
 *
 * Compile-time choices (-D), listed in the file `cases`:
 *   READERS=n, SECTIONS=n	readers, and sections that each one runs
 *   PINNER, FREER, ALLOCATOR	the other user threads
 *   READS_BACK			the allocator looks for what it has made
 *   MARKS			reader 0 sets ACCESSED
 *   HOLD			reader 0 may stay in its section for ever
 *   OLD			reader 0's section began before everything else
 *   QUICK			the other user threads enter in one step
 *   ONE				index 1 is not there
 *   EAGER			a place that is left is somebody else's at once
 *   OTHERS=n			foreign objects that settle on left places
 *   BATCHES=n			batches of the mover, of one object each
 *   COPY_MARKED			a copy is made under MOVING, and published by one
 *				compare-exchange; without, under COPYING
 *   MAKERS=n			threads of maker.pml, which has choices of its own
 *   KERNEL			the kernel frees the first object, if it is live
 *   TAKES			the mover may take the place of what is free, not move it
 *   UNPINNED			nobody has written to the page of the pins; it is made for
 *				the pinner, and the freer's address space shows zeros
 *   ONLY=PROPERTY		check this one alone
 *   M_*			one mutation of the protocol
 */

/* Properties. The number of the first one broken ends up in `broken`. */
#define ALL		0
#define WRONG_BYTES	1	/* a read found bytes that are not the object's */
#define LOST_WRITE	2	/* a write went to a place that the object has left */
#define TWO_OWNERS	3	/* a free place was given out while a word names it */
#define FREED_PINNED	4	/* free succeeded under a pin, or pin after a free */
#define STALE_RESOLVED	5	/* a freed handle was found good */
#define UNDEAD		6	/* a handle was called stale and then lived on */
#define UNPIN_REFUSED	7	/* the holder of a pin cannot give it back */
#define LOST_OBJECT	8	/* the maker of an object cannot find it */
#define NONE		9	/* spin's own: end states, cycles */
#define FREED_TWICE	10	/* two frees of one handle succeeded */
#define NOT_FREED	11	/* nobody has it pinned, and all who freed it were refused */
#define PIN_HIDDEN	12	/* the holder of a pin is told that its handle is stale */

#ifdef EVERYBODY
#define READERS 2
#define SECTIONS 1
#define BATCHES 1
#define OTHERS 0
#define PINNER
#define FREER
#define ALLOCATOR
#define OLD
#define QUICK
#define ONE
#define EAGER
#endif

#ifndef ONLY
#define ONLY ALL
#endif
#ifndef SECTIONS
#define SECTIONS 0
#endif
#ifndef MAKERS
#define MAKERS 0
#endif

byte broken;

#define check(property, holds) \
	if \
	:: (ONLY == ALL || ONLY == property) && !(holds) -> \
		broken = property; assert(broken == 0) \
	:: else \
	fi

/* Entry words: 4 flags, 2 bits of generation, 2 bits of location. */
#define LIVE		1
#define MOVING		2
#define COPYING		4
#define ACCESSED	8
#define BUSY		(MOVING | COPYING)
#define EMPTY		ACCESSED	/* without LIVE: its place was taken */
#define is_empty(w)	(((w) & (LIVE | EMPTY)) == EMPTY)
#define GEN(w)		(((w) >> 4) & 3)
#define LOC(w)		((w) >> 6)
#define ENTRY(f, g, l)	((f) | ((g) << 4) | ((l) << 6))

/* User threads. Absent ones have no slot, so that they cost no states. */
#ifdef PINNER
#define PINS_IT		READERS
#define N1		(READERS + 1)
#else
#define N1		READERS
#endif
#ifdef FREER
#define FREES_IT	N1
#define N2		(N1 + 1)
#else
#define N2		N1
#endif
#ifdef ALLOCATOR
#define ALLOCS_IT	N2
#define N3		(N2 + 1)
#else
#define N3		N2
#endif
#define MAKER(n)	(N3 + (n))
#define THREADS		(N3 + MAKERS)

#define INDICES		2
#define NOTHING		15
#define PLACES		4
#if MAKERS
#define DEPTH		5	/* of a store buffer */
#else
#define DEPTH		4
#endif

/*
 * Memory: slots, entry words; what makers have besides: a flag each, who made an
 * index' object, and the generation of index 0 that they tell each other; one byte
 * for each place's contents.
 */
#define SLOT(t)		(t)
#define WORD(i)		(THREADS + (i))
#define SHARED(t)	(THREADS + INDICES + (t) - MAKER(0))
#define MADE_BY(i)	(THREADS + INDICES + MAKERS + (i))
#define TOLD		MADE_BY(INDICES)
#define DATA(p)		(TOLD + 1 + (p))
byte mem[TOLD + 1 + PLACES];
byte pins[INDICES];
#ifdef UNPINNED
bool pins_made;			/* the engine knows of the page */
bool zeros;			/* the freer's entry is the page of zeros */
#define pins_of_freer(i)	(zeros -> 0 : pins[i])
#else
#define pins_of_freer(i)	pins[i]
#endif
byte epoch = 1;
bool kernel_lock;
bool magazine[INDICES];		/* bound, free, ready to be allocated */
#if MAKERS
byte freed_by[INDICES];		/* ghost: bit g: somebody was told that he freed generation g */
#endif
#ifdef FREES
byte tries;			/* ghost: threads that have freed index 0's first object */
bool refused;			/* ghost: one of them was told of a pin */
#endif
#ifdef COPY_MARKED
byte in_copy = NOTHING;		/* ghost: index whose bytes are in a copy that is not published */
bool outdated;			/* ghost: they were written since */
#define note_write(i)	outdated = outdated || in_copy == (i)
#else
#define note_write(i)	skip
#endif

/* Contents of a place: rubbish (0), the object of a handle, or a stranger's. */
#define OBJECT(i, g)	(1 + (i) * 4 + (g))
#define STRANGER	15

/* The kernel's records. A place's owner: */
#define NOBODY		0
#define RESERVED	1	/* a destination of the mover */
#define FOREIGN		2
#define INDEX(i)	(3 + (i))
#define UNBOUND		15
#define NOWHERE		14	/* a destination that is none: TAKES */
byte owner[PLACES];
byte place[INDICES];
byte dead[INDICES];		/* generations below this one are freed */
#ifdef STRICT
bool called_stale;		/* somebody was told that 0's first handle is stale */
#endif

#define named(i, p)	(place[i] != UNBOUND && LOC(mem[WORD(i)]) == (p))

/*
 * Inside atomic or d_step only. EAGER: somebody has it, and has written there, at once;
 * whoever comes later would find the same, and others() with its choice of when is not
 * needed. Without, occupy() looks for two owners.
 */
inline vacate(p)
{
#ifdef EAGER
	check(TWO_OWNERS, !named(0, p) && !named(1, p));
	mem[DATA(p)] = STRANGER;
#endif
	owner[p] = NOBODY
}

/* ---- store buffers ------------------------------------------------------ */

byte sb_count[THREADS];
byte sb_addr[THREADS * DEPTH];
byte sb_value[THREADS * DEPTH];

inline push(me, a, v)
{
	sb_addr[me * DEPTH + sb_count[me]] = a;
	sb_value[me * DEPTH + sb_count[me]] = v;
	sb_count[me]++
}

inline store(me, a, v)
{
	d_step { sb_count[me] < DEPTH -> push(me, a, v) }
}

/* Inside atomic or d_step only: the newest own store, else memory. */
#define own(me, k, a)	(sb_count[me] > k && sb_addr[(me) * DEPTH + k] == (a))
#define load(me, a) \
	(DEPTH > 4 && own(me, 4, a) -> sb_value[(me) * DEPTH + 4] : \
	(own(me, 3, a) -> sb_value[(me) * DEPTH + 3] : \
	(own(me, 2, a) -> sb_value[(me) * DEPTH + 2] : \
	(own(me, 1, a) -> sb_value[(me) * DEPTH + 1] : \
	(own(me, 0, a) -> sb_value[(me) * DEPTH] : mem[a])))))

#define drained(me)	(sb_count[me] == 0)

/* Which object a byte value belongs to, for the check of data stores. */
#define index_of(v)	(((v) - 1) >> 2)
#define gen_of(v)	(((v) - 1) & 3)

/*
 * One store reaches memory. A store to an object's bytes must find the object
 * there and not being copied. If the program has freed it meanwhile, that is
 * its own error, and the store is left out, as a correct program has none.
 * An entry must name the place where its index is: any other is somebody
 * else's, or will be. A maker's plain store ends an object when it is here.
 */
#if MAKERS
#define is_dead(i, v) \
	if \
	:: !((v) & LIVE) -> dead[i] = GEN(v) \
	:: else \
	fi
#else
#define is_dead(i, v)	skip
#endif

inline drain(t)
{
	d_step {
		sb_count[t] > 0 ->
		a = sb_addr[t * DEPTH];
		v = sb_value[t * DEPTH];
		if
		:: a >= DATA(0) && gen_of(v) < dead[index_of(v)]
		:: a >= DATA(0) && gen_of(v) >= dead[index_of(v)] ->
			check(LOST_WRITE, place[index_of(v)] == a - DATA(0) &&
			      !(mem[WORD(index_of(v))] & COPYING));
			note_write(index_of(v));
			mem[a] = v
		:: a >= WORD(0) && a < WORD(INDICES) ->
			check(TWO_OWNERS, (place[a - WORD(0)] == UNBOUND && !(v & LIVE)) ||
			      place[a - WORD(0)] == LOC(v));
			is_dead(a - WORD(0), v);
			mem[a] = v
		:: else -> mem[a] = v
		fi;
		sb_count[t]--;
		n = 0;
		do
		:: n < sb_count[t] ->
			sb_addr[t * DEPTH + n] = sb_addr[t * DEPTH + n + 1];
			sb_value[t * DEPTH + n] = sb_value[t * DEPTH + n + 1];
			n++
		:: else -> break
		od;
		sb_addr[t * DEPTH + n] = 0;
		sb_value[t * DEPTH + n] = 0;
		a = 0; v = 0; n = 0
	}
}

active proctype cache()
{
	byte a, v, n;

end:	do
	:: drain(0)
#if THREADS > 1
	:: drain(1)
#endif
#if THREADS > 2
	:: drain(2)
#endif
#if THREADS > 3
	:: drain(3)
#endif
#if THREADS > 4
	:: drain(4)
#endif
	od
}

/* ---- what the library does, in a user thread ---------------------------- */

/* Any time may pass between the load of the epoch and its store. */
inline enter(me)
{
	e = epoch;
	d_step {
		sb_count[me] < DEPTH ->
		push(me, SLOT(me), e);
		e = 0
	}
}

/* What the pinner, the freer and the allocator do. */
#ifdef QUICK
inline enter_too(me)
{
	d_step {
		sb_count[me] < DEPTH ->
		push(me, SLOT(me), epoch)
	}
}
#else
#define enter_too(me)	enter(me)
#endif

inline leave(me)
{
	d_step {
		sb_count[me] < DEPTH ->
		push(me, SLOT(me), 0);
		w = 0
	}
}

#define stale(w, g)	(!((w) & LIVE) || GEN(w) != (g))

/* Whoever frees or pins an object that may be a maker's: see maker.pml. */
#if MAKERS
#include "revoke.pml"
#else
#define revoke(me, i)	skip
#define count_free(i, g)	skip
#endif
#ifdef FREES
inline tried()
{
	d_step {
		tries++;
		check(NOT_FREED, tries < FREES || refused || freed_by[0] & 1)
	}
}
#define told_of_pin()	refused = true
#else
#define tried()		skip
#define told_of_pin()	skip
#endif

/* STRICT asks whether a handle that is called stale is so for ever. */
inline say_stale(i, g)
{
#ifdef STRICT
	called_stale = called_stale || (i == 0 && g == 0)
#else
	skip
#endif
}

inline found_good(i, g)
{
	check(STALE_RESOLVED, g >= dead[i])
}

/* Clears MOVING from the word w as it was loaded; ok if it was still that. */
inline veto(me, i)
{
#ifdef M_PLAIN_VETO
	store(me, WORD(i), w & ~MOVING);
	atomic { w = w & ~MOVING; ok = true }
#else
	atomic {
		drained(me) ->
		if
		:: mem[WORD(i)] == w ->
			w = w & ~MOVING;
			mem[WORD(i)] = w;
			found_good(i, GEN(w));
			ok = true
		:: else
		fi
	}
#endif
}

#ifdef M_NO_FIRST_LOOK
#define first_look(i)	0
#else
#define first_look(i)	pins_of_freer(i)
#endif

/* The wait for a copy is over; w was loaded while it was going on. */
#define copied(i)	((w & COPYING) && !(mem[WORD(i)] & COPYING))

/*
 * A free that has not decided yet: it takes the end back because of the pin, or the pin
 * is about to be taken back. Word and pins are loaded one after the other; that the pin
 * may go in between is no other answer than that it went before.
 */
#if defined(PINNER) && defined(FREER) && !defined(M_GET_NO_WAIT)
#define undecided(i, g)	(!(w & LIVE) && GEN(w) == (g) + 1 && pins[i] != 0)
#else
#define undecided(i, g)	false
#endif

/* Leaves ok and the word in w; wait: for a free that has not decided. */
inline look(me, i, g, wait)
{
	ok = false;
	do
	:: atomic {
		w = load(me, WORD(i));
		if
		:: stale(w, g) && !(wait && undecided(i, g)) -> say_stale(i, g); break
		:: !stale(w, g) && !(w & BUSY) ->
			found_good(i, g); ok = true; break
		:: else
		fi
	   };
	   if
	   :: stale(w, g) && (pins[i] == 0 || mem[WORD(i)] != w)
	   :: !stale(w, g) && copied(i)
	   :: !stale(w, g) && !(w & COPYING) ->
		veto(me, i);
		if
		:: ok -> break
		:: else
		fi
	   fi
	od
}

#define get(me, i, g)	look(me, i, g, true)
#ifdef M_PIN_WAITS
#define get_pinned(me, i, g)	look(me, i, g, true)
#else
#define get_pinned(me, i, g)	look(me, i, g, false)
#endif

/*
 * Reads the object, stores to it, leaves. One step: the store leaves the bytes
 * as they are, so a run in which an earlier read or store is wrong has a twin
 * in which this one is.
 */
inline use_and_leave(me, i, g)
{
	d_step {
		sb_count[me] < DEPTH - 1 ->
		check(WRONG_BYTES, g < dead[i] ||
		      load(me, DATA(LOC(w))) == OBJECT(i, g));
		push(me, DATA(LOC(w)), OBJECT(i, g));
		push(me, SLOT(me), 0);
		w = 0; ok = false
	}
}

/* A get marks its object as used, if it can do so at once. */
inline mark_accessed(me, i)
{
#ifdef M_PLAIN_ACCESSED
	store(me, WORD(i), w | ACCESSED)
#else
	atomic {
		drained(me) ->
		if
		:: mem[WORD(i)] == w -> mem[WORD(i)] = w | ACCESSED
		:: else
		fi
	}
#endif
}

proctype reader(byte me)
{
	byte e, w, round;
	bool ok;

	do
	:: round < SECTIONS ->
#ifdef OLD
		if
		:: me == 0
		:: me != 0 -> enter(me)
		fi;
#else
		enter(me);
#endif
		get(me, 0, 0);
#ifdef HOLD
		if
		:: me == 0 ->
end_held:		false
		:: true
		fi;
#endif
		if
		:: ok ->
#ifdef MARKS
			if
			:: me == 0 -> mark_accessed(me, 0)
			:: me != 0
			fi;
#endif
			use_and_leave(me, 0, 0)
		:: !ok -> leave(me)
		fi;
		round++
	:: round == SECTIONS -> break
	od
}

#ifdef M_PIN_NO_SECTION
#define pin_enter(me)	skip
#define pin_leave(me)	skip
#else
#define pin_enter(me)	enter_too(me)
#define pin_leave(me)	leave(me)
#endif

/*
 * Reads and stores under the pin, then drops it. One step, at any time before
 * the pin ends: see use_and_leave().
 */
inline use_and_unpin(me, p, i, g)
{
	d_step {
		drained(me) ->
		check(FREED_PINNED, dead[i] <= g);
		check(WRONG_BYTES, mem[DATA(p)] == OBJECT(i, g));
		check(LOST_WRITE, place[i] == p && !(mem[WORD(i)] & COPYING));
#ifdef M_UNPIN_LOOKS
		check(UNPIN_REFUSED, !stale(mem[WORD(i)], g));
#endif
		note_write(i);
		pins[i]--;
		p = 0
	}
}

/* A fault of a page that is not there maps zeros; it looks and maps in one step: a lock is held. */
#ifdef UNPINNED
active proctype freer_looks()
{
	do
	:: d_step { !pins_made && !zeros -> zeros = true }
	:: break
	od
}

/* The pinner's first write: the page, and then nobody sees zeros in its place. */
inline make_pins()
{
#ifdef M_UNMAP_FIRST
	zeros = false;
	pins_made = true
#else
	pins_made = true;
#ifndef M_ZEROS_STAY
	zeros = false
#endif
#endif
}
#else
#define make_pins()	skip
#endif

#ifdef PINNER
proctype pinner(byte me)
{
	byte e, w, p;
	bool ok;
#if MAKERS
	byte o, s, t;
#endif

	pin_enter(me);
	revoke(me, 0);
again:	get(me, 0, 0);
	if
	:: ok ->
		make_pins();
		atomic { drained(me) -> pins[0]++ };
#ifndef M_PIN_NO_RELOAD
		get_pinned(me, 0, 0);
#endif
		if
		:: ok ->
			p = LOC(w);
#ifdef GETS_PINNED
			get(me, 0, 0);
			atomic { check(PIN_HIDDEN, ok) };
#endif
			pin_leave(me);
			use_and_unpin(me, p, 0, 0)
		:: !ok ->
			atomic { drained(me) -> pins[0]-- };
			goto again
		fi
	:: !ok -> pin_leave(me)
	fi;
	d_step { e = 0; w = 0; ok = false }
}
#endif

#ifdef M_SAME_GENERATION
#define freed(w, g)	ENTRY(0, g, LOC(w))
#else
#define freed(w, g)	ENTRY(0, (g) + 1, LOC(w))
#endif

#ifdef M_FREE_NO_SECTION
#define free_enter(me)	skip
#define free_leave(me)	skip
#else
#define free_enter(me)	enter_too(me)
#define free_leave(me)	leave(me)
#endif

/* LIVE, moving or not, becomes free by one compare-exchange. */
inline kill_entry(me, i, g)
{
	ok = false;
	do
	:: atomic {
		w = load(me, WORD(i));
		if
		:: stale(w, g) -> break
		:: else
		fi
	   };
	   if
	   :: copied(i)
	   :: !(w & COPYING) && first_look(i) != 0 -> told_of_pin(); break
	   :: !(w & COPYING) && first_look(i) == 0 ->
		atomic {
			drained(me) ->
			if
			:: mem[WORD(i)] == w ->
				mem[WORD(i)] = freed(w, g);
				ok = true;
				break
			:: else
			fi
		}
	   fi
	od
}

/* Somebody pinned it in between: undo kill_entry(). */
inline revive(me, i, g)
{
	do
	:: w = mem[WORD(i)];
	   if
	   :: copied(i)
	   :: !(w & COPYING) ->
		atomic {
			drained(me) ->
			if
			:: mem[WORD(i)] == w ->
#ifdef STRICT
				check(UNDEAD, !called_stale);
#endif
				mem[WORD(i)] = ENTRY(LIVE, g, LOC(w));
				break
			:: else
			fi
		}
	   fi
	od
}

/* Behind kill_entry(): ok becomes whether the object is freed. */
inline second_look(me, i, g)
{
#ifdef M_FREE_NO_LOOK
	d_step { dead[i] = (g) + 1; count_free(i, g) }
#else
	if
	:: d_step { pins_of_freer(i) == 0 -> dead[i] = (g) + 1; count_free(i, g) }
	:: pins_of_freer(i) != 0 -> ok = false; told_of_pin(); revive(me, i, g)
	fi
#endif
}

/* The index goes back to the kernel, which frees its place. */
inline flush(me, i)
{
	d_step {
		!kernel_lock && drained(me) ->
		mem[WORD(i)] = ENTRY(0, GEN(mem[WORD(i)]), 0);
		w = place[i];
		place[i] = UNBOUND;
		if
		:: w != UNBOUND -> vacate(w)
		:: else
		fi;
		w = 0
	}
}

#ifdef FREER
proctype freer(byte me)
{
	byte e, w;
	bool ok;
#if MAKERS
	byte o, s, t;
#endif

	free_enter(me);
	revoke(me, 0);
	kill_entry(me, 0, 0);
	if
	:: ok -> second_look(me, 0, 0)
	:: !ok
	fi;
	free_leave(me);
	tried();
	if
	:: ok -> magazine[0] = true
	:: ok -> flush(me, 0)
	:: !ok
	fi;
	d_step { e = 0; w = 0; ok = false }
}
#endif

#ifdef M_ALLOC_NO_SECTION
#define alloc_enter(me)	skip
#define alloc_leave(me)	skip
#else
#define alloc_enter(me)	enter_too(me)
#define alloc_leave(me)	leave(me)
#endif

#ifdef M_ALLOC_BLIND
#define taken(w)	false
#else
#define taken(w)	is_empty(w)
#endif

/* A bound index becomes an object; its word is left in w, or EMPTY. */
inline alloc(me, i)
{
	ok = false;
	do
	:: w = load(me, WORD(i));
	   if
	   :: copied(i)
	   :: taken(w) -> break
#ifdef M_PLAIN_ALLOC
	   :: !(w & COPYING) && !taken(w) ->
#else
	   :: !(w & BUSY) && !taken(w) ->
#endif
		w = (w & ~MOVING) | LIVE;
		store(me, WORD(i), w);
		break
#ifndef M_PLAIN_ALLOC
	   :: (w & BUSY) == MOVING ->
		atomic {
			drained(me) ->
			if
			:: mem[WORD(i)] == w ->
				check(TWO_OWNERS, place[i] != UNBOUND);
				w = (w & ~MOVING) | LIVE;
				mem[WORD(i)] = w;
				break
			:: else
			fi
		}
#endif
	   fi
	od
}

#ifdef ALLOCATOR
proctype allocator(byte me)
{
	byte e, w, i, g;
	bool ok;

	do
	:: atomic {
		if
		:: magazine[0] -> magazine[0] = false; i = 0
		:: magazine[1] -> magazine[1] = false; i = 1
		:: break
		fi
	   };
	   alloc_enter(me);
	   alloc(me, i);
#ifdef TAKES
	   if
	   :: taken(w) -> alloc_leave(me); flush(me, i); goto next
	   :: else
	   fi;
#endif
	   g = GEN(w);
	   store(me, DATA(LOC(w)), OBJECT(i, g));
	   alloc_leave(me);
#ifdef READS_BACK
	   enter(me);
	   get(me, i, g);
	   atomic { check(LOST_OBJECT, ok) };
	   use_and_leave(me, i, g);
#endif
next:	   atomic { i = 0; g = 0; ok = false }
	od
}
#endif

/* ---- the kernel --------------------------------------------------------- */

#define lowest_free \
	(owner[0] == NOBODY -> 0 : (owner[1] == NOBODY -> 1 : \
	(owner[2] == NOBODY -> 2 : (owner[3] == NOBODY -> 3 : UNBOUND))))

#if MAKERS
#include "maker.pml"
#endif

/* Inside atomic or d_step only: the free place p is given to `to`. */
inline occupy(p, to, bytes)
{
	check(TWO_OWNERS, !named(0, p) && !named(1, p));
	mem[DATA(p)] = bytes;
	owner[p] = to
}

#if OTHERS
/* Objects of no further interest settle on places that others have left. */
proctype others()
{
	byte n;

end:	do
	:: d_step {
		n < OTHERS && !kernel_lock && lowest_free < INDICES ->
		occupy(lowest_free, FOREIGN, STRANGER);
		n++
	   }
	od
}
#endif

/*
 * Step 1. Leaves UNBOUND in new if there is nothing to move. What only holders
 * of the lock can see is one step with taking it, or with dropping it.
 */
inline plan()
{
	atomic {
		!kernel_lock -> kernel_lock = true;
		if
		:: i = 0
		:: i = 1
		fi;
		old = place[i];
		new = lowest_free;
		if
		:: old != UNBOUND && new != UNBOUND && first_look(i) == 0 ->
			occupy(new, RESERVED, 0)
#ifdef TAKES
		:: old != UNBOUND && first_look(i) == 0 && !(mem[WORD(i)] & LIVE) ->
			new = NOWHERE
		:: (old == UNBOUND || new == UNBOUND || first_look(i) != 0) &&
		   (old == UNBOUND || first_look(i) != 0 || mem[WORD(i)] & LIVE) -> new = UNBOUND
#else
		:: else -> new = UNBOUND
#endif
		fi
	};
#ifdef M_EPOCH_FIRST
	epoch++;
#endif
	d_step {
		if
		:: new == NOWHERE && mem[WORD(i)] & LIVE -> new = UNBOUND
		:: new != UNBOUND && !(new == NOWHERE && mem[WORD(i)] & LIVE) ->
			w = mem[WORD(i)] | MOVING;
			mem[WORD(i)] = w;
#ifdef M_EARLY_FREE
			vacate(old)
#endif
		:: else
		fi;
		kernel_lock = false
	}
}

/* Step 2. Every thread's earlier stores are visible afterwards. */
inline new_epoch()
{
#ifndef M_EPOCH_FIRST
	epoch++;
#endif
#ifndef M_NO_BARRIER
	t = 0;
	do
	:: t < THREADS && drained(t) -> t++
	:: t == THREADS -> t = 0; break
	od
#endif
}

/* A slot's highest bit is a maker's: see maker.pml. */
#define EPOCH_OF(s)	((s) & 7)
#define outside(t) \
	(EPOCH_OF(mem[SLOT(t)]) == 0 || EPOCH_OF(mem[SLOT(t)]) == epoch)

/* Step 3. Patience may end whenever a slot still holds an older epoch. */
inline grace()
{
	t = 0;
	do
	:: t < THREADS && outside(t) -> t++
	:: t == THREADS -> patient = true; break
#ifdef M_NO_GIVE_UP
	:: t < THREADS && !outside(t)
#else
	:: t < THREADS && !outside(t) -> patient = false; break
#endif
	od;
	t = 0
}

/* Inside atomic or d_step only. Nothing has changed but MOVING. */
inline give_up()
{
#ifdef M_PLAIN_GIVE_UP
	mem[WORD(i)] = w & ~MOVING;
#else
	if
	:: mem[WORD(i)] == w -> mem[WORD(i)] = w & ~MOVING
	:: else
	fi;
#endif
	if
	:: new != NOWHERE -> owner[new] = NOBODY
	:: else
	fi;
	kernel_lock = false
}

/* There are no bytes: the word alone changes, if it is what step 1 left. */
inline take_place()
{
	atomic {
		!kernel_lock ->
		if
#ifndef M_TAKE_PLAIN
		:: mem[WORD(i)] != w -> give_up()
		:: mem[WORD(i)] == w ->
#else
		:: true ->
#endif
			mem[WORD(i)] = ENTRY(EMPTY, GEN(w), 0);
			place[i] = UNBOUND;
			vacate(old)
		fi
	}
}

#ifdef COPY_MARKED
/* Inside atomic only. */
inline drop_copy()
{
	d_step { in_copy = NOTHING; outdated = false };
	give_up();
	goto next
}

/*
 * Step 4 and 5 for a block: the bytes are copied while vetoes may still come, and
 * count if the word is then what step 1 left. A write that has come meanwhile is
 * not in the copy, whatever the writer did to the word.
 */
inline carry_out()
{
	atomic {
		!kernel_lock -> kernel_lock = true;
#if !defined(M_NO_SECOND_PIN_CHECK) && !defined(M_PINS_AFTER_COPY)
		if
		:: pins[i] != 0 -> give_up(); goto next
		:: else
		fi
#endif
	};
	d_step { in_copy = i; t = mem[DATA(old)] };
	if
	:: w & LIVE -> mem[DATA(new)] = t
	:: else
	fi;
#ifdef M_PINS_AFTER_COPY
	atomic {
		if
		:: pins[i] != 0 -> drop_copy()
		:: else
		fi
	};
#endif
	atomic {
#ifndef M_PLAIN_PUBLISH
		if
		:: mem[WORD(i)] == w
		:: else -> drop_copy()
		fi;
#endif
		check(LOST_WRITE, !(w & LIVE) || !outdated);
		mem[WORD(i)] = ENTRY(w & (LIVE | ACCESSED), GEN(w), new);
		place[i] = new;
		owner[new] = INDEX(i);
#ifndef M_EARLY_FREE
		vacate(old);
#endif
		in_copy = NOTHING; outdated = false;
		kernel_lock = false
	}
}
#else
/* Step 4 and 5. Again, one step with the lock what only its holders can see. */
inline carry_out()
{
	atomic {
		!kernel_lock -> kernel_lock = true;
#if !defined(M_NO_SECOND_PIN_CHECK) && !defined(M_PINS_AFTER_COPYING)
		if
		:: pins[i] != 0 -> give_up(); goto next
		:: else
		fi
#endif
	};
	atomic {
#ifdef M_PLAIN_COPYING
		mem[WORD(i)] = w ^ BUSY;
#else
		if
		:: mem[WORD(i)] == w -> mem[WORD(i)] = w ^ BUSY
		:: else -> give_up(); goto next
		fi
#endif
	};
#ifdef M_PINS_AFTER_COPYING
	atomic {
		if
		:: pins[i] != 0 -> give_up(); goto next
		:: else
		fi
	};
#endif
	if
	:: w & LIVE -> mem[DATA(new)] = mem[DATA(old)]
	:: else
	fi;
	d_step {
		mem[WORD(i)] = ENTRY(w & (LIVE | ACCESSED), GEN(w), new);
		place[i] = new;
		owner[new] = INDEX(i);
#ifndef M_EARLY_FREE
		vacate(old);
#endif
		kernel_lock = false
	}
}
#endif

proctype mover()
{
	byte i, old, new, w, t, batch;
	bool patient;

	do
	:: batch < BATCHES ->
		plan();
		if
		:: new != UNBOUND ->
			new_epoch();
			grace();
			if
			:: patient && new != NOWHERE -> carry_out()
			:: patient && new == NOWHERE -> take_place()
			:: !patient -> atomic { !kernel_lock -> kernel_lock = true; give_up() }
			fi
		:: else
		fi;
next:		atomic {
			i = 0; old = 0; new = 0; w = 0; t = 0; patient = false;
			batch++
		}
	:: batch == BATCHES -> break
	od
}

/* Index 0 lives in place 0; index 1 waits in a magazine, bound to place 1. */
init {
	atomic {
		mem[WORD(0)] = ENTRY(LIVE, 0, 0);
		mem[DATA(0)] = OBJECT(0, 0);
		owner[0] = INDEX(0);
		place[0] = 0;
#ifdef ONE
		place[1] = UNBOUND;
#else
		mem[WORD(1)] = ENTRY(0, 0, 1);
		owner[1] = INDEX(1);
		place[1] = 1;
		magazine[1] = true;
#endif
#if defined(TWO) || defined(WINDOW)
		mem[WORD(1)] = ENTRY(LIVE, 0, 1);
		mem[DATA(1)] = OBJECT(1, 0);
		mem[MADE_BY(1)] = MAKER(MAKERS - 1);
#endif
#ifdef OLD
		mem[SLOT(0)] = epoch;
#endif
#if READERS > 0
		run reader(0);
#endif
#if READERS > 1
		run reader(1);
#endif
#ifdef PINNER
		run pinner(PINS_IT);
#endif
#ifdef FREER
		run freer(FREES_IT);
#endif
#ifdef ALLOCATOR
		run allocator(ALLOCS_IT);
#endif
#if OTHERS
		run others();
#endif
#if MAKERS
		mem[MADE_BY(0)] = MAKER(0);
		run maker(MAKER(0));
#endif
#if MAKERS > 1
		run maker(MAKER(1));
#endif
#ifdef KERNEL
		run kernel_free();
#endif
#ifdef DIES
		run reaper(MAKER(0));
#endif
		run mover();
#ifdef TWO_MOVERS
		run mover()
#endif
	}
}
