// SPDX-License-Identifier: MIT
/* error.c - a sentence for each error, with the remedy */
#include <errno.h>

#include "arena.h"
#include "refusal.h"

static const struct {
	unsigned int err;
	const char *text;
} sentences[] = {
	{ 0, "No error" },
	{ ESTALE, "The object was freed: drop the handle, it will never be good again" },
	{ EXDEV, "The handle belongs to another arena: use it with the arena that gave it" },
	{ EBADF, "The value never was a handle: pass what memlane_alloc() returned, unchanged" },
	{ ENODATA, "The object was dropped with its purgeable group when memory was short: free "
		   "the handle and make the object anew" },
	{ EBUSY, "The object is pinned, or the kernel holds its pages: unpin it, then try again" },
	{ EAGAIN, "The object was in use and stayed in its place: try again later" },
	{ ERANGE, "The object was made with fewer bytes than that: check memlane_size() first" },
	{ EOVERFLOW, "The object is pinned as often as can be counted: unpin it where you are done" },
	{ EINVAL, "A value is out of range: memlane_config_check() names a configuration's; "
		  "sizes are 1 byte or more, alignments powers of two, unpins follow pins" },
	{ EOPNOTSUPP, "This backend or version cannot do that: see memlane_capabilities(), "
		      "clear unknown flags and reserved members" },
	{ ENOSPC, "The lane, the handle table or the backing file is full: free objects, raise its "
		  "maximum with memlane_set_max() or memlane_set_backing_max(), or allow the other "
		  "lane by leaving out MEMLANE_NO_SPILL" },
	{ ENOMEM, "There is no memory left, in the system or the memory cgroup, or no addresses: "
		  "free some, raise the limit, or lower the arena's maxima" },
	{ EBADFD, "The program has closed the arena's file, or put another one in its place: leave "
		  "memlane_fd() alone, and open the arena again" },
	{ EUSERS, "Too many threads use the arena: let some call memlane_thread_leave(), or "
		  "open it with a higher max_threads" },
	{ EDQUOT, "The user has too many arenas or backing files: close some, or raise "
		  "user_arenas or user_files of memlane.ko" },
	{ ENOLCK, "An address is good inside a section only: call memlane_enter() first" },
	{ EDEADLK, "The call would wait for the section it is in: call memlane_exit() first" },
	{ EOWNERDEAD, "The arena stayed with the parent of this fork: open another one here" },
	{ ENOENT, "There is no /dev/memlane: load the module (memlane load), or use the local "
		  "backend (MEMLANE_BACKEND=local)" },
	{ ENODEV, "The arena has not been made, or the module is going away: open it again" },
	{ EACCES, "No right to /dev/memlane: join its group or ask an administrator, or use "
		  "the local backend (MEMLANE_BACKEND=local)" },
	{ EPERM, "The system forbids it: check the sandbox or container this program runs in" },
	{ EPROTO, "The module speaks another version of the ABI: install module and library "
		  "of one release" },
	{ E2BIG, "The module is older than this library: install module and library of one "
		 "release" },
	{ ENOTTY, "The file is not /dev/memlane, or the module is older than this library: "
		  "install module and library of one release" },
	{ EFAULT, "An address could not be read or written: check the pointers passed" },
	{ EINTR, "The call was ended early by a signal that ends the process" },
	{ ENOSYS, "The kernel lacks membarrier(): use Linux 4.14 or newer, or allow it in the "
		  "sandbox" },
	{ EMFILE, "The process has too many open files: close some, or raise ulimit -n" },
	{ ENFILE, "The system has too many open files: close some" },
	{ EIO, "A file could not be read or written: look at the disk of the arena's backing file "
	       "(lost_pages of memlane_stat()), or at the file that was printed to" },
	{ EFBIG, "The backing file may not grow: raise RLIMIT_FSIZE (ulimit -f), or give the arena "
		 "a file system that takes larger files" },
	{ ETXTBSY, "The backing file is swapped to: take another one, or swapoff it" },
	{ ETIMEDOUT, "The backing file has not answered for five seconds: look at its disk or "
		     "server; what was to go there is in memory still" },
	{ ENXIO, "The arena has no backing file: memlane_set_backing() or config.backing_fd gives "
		 "it one" },
};

const char *memlane_strerror(int err)
{
	unsigned int code = err < 0 ? -(unsigned int)err : (unsigned int)err;
	const char *why = refusal_text((int)code);
	size_t i;

	if (why)
		return why;

	for (i = 0; i < ARRAY_SIZE(sentences); i++)
		if (sentences[i].err == code)
			return sentences[i].text;
	return "An error of the system's, not of memlane's own: strerror() has its meaning; a backing "
	       "file's file system may give any";
}
