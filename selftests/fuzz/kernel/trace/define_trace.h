/* SPDX-License-Identifier: MIT */
/* STUB: nothing is told */
