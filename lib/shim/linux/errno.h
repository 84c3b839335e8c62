/* SPDX-License-Identifier: MIT */
/* TRUE: the numbers are the ABI of the host; libc comes here too, so no guard of our own */
#include_next <linux/errno.h>
