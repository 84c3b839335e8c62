/* SPDX-License-Identifier: MIT */
/* top_screen.h - `memlane top` on a terminal */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

/**
 * top_screen - show arenas until somebody ends it
 * @at: as for look_arenas()
 * @tenths: of a second between looks
 * @times: to look; 0: until it is ended
 *
 * Return: exit code.
 */
int top_screen(const char *at, unsigned int tenths, unsigned long times);

#endif /* TOP_SCREEN_H */
