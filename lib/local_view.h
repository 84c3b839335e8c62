/* SPDX-License-Identifier: MIT */
/* local_view.h - the socket on which a process shows its arenas, if it was asked to */
#ifndef LIB_LOCAL_VIEW_H
#define LIB_LOCAL_VIEW_H

struct local;

void local_view_add(struct local *l);
void local_view_remove(struct local *l);

#endif /* LIB_LOCAL_VIEW_H */
