// SPDX-License-Identifier: MIT
/* version.c - which library this is */
#include <memlane.h>

uint32_t memlane_version(void)
{
	return MEMLANE_VERSION_NUMBER;
}
