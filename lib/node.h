/* SPDX-License-Identifier: MIT */
/* node.h - whether a descriptor still is what this library opened */
#ifndef LIB_NODE_H
#define LIB_NODE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Programs that become daemons close all descriptors, and open others of the same number. */
struct node {
	dev_t dev;
	ino_t ino;
};

/* False: it is open no more. */
static inline bool node_of(int fd, struct node *node)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	*node = (struct node){ .dev = st.st_dev, .ino = st.st_ino };
	return true;
}

static inline bool node_is(int fd, const struct node *node)
{
	struct node now;

	return node_of(fd, &now) && now.dev == node->dev && now.ino == node->ino;
}

#endif /* LIB_NODE_H */
