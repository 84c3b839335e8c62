/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_XARRAY_H
#define FUZZ_XARRAY_H

struct xarray {
	int unused;
};

#endif
