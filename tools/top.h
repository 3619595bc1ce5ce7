/*
 * top.h - inside `outpost top`: what is selected, how it is sorted, what is drawn.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_TOP_H
#define OUTPOST_TOOLS_TOP_H

#include "screen.h"
#include "table.h"
#include "view.h"

enum top_page { TOP_LISTS, TOP_DETAIL, TOP_HELP };
enum top_sort { TOP_BY_NAME, TOP_BY_LOAD, TOP_BY_TROUBLE, TOP_SORTS };

struct top {
	struct op_view *view;
	const char *problem; /* why the view is empty; NULL: it is not */
	enum top_page page;
	enum top_sort sort;
	bool paused, utf8;
	double interval_s;

	/* What the lists show, sorted; refilled from the view after each look. */
	const struct op_view_service *services[OP_VIEW_TOPICS_MAX];
	const struct op_view_topic *topics[OP_VIEW_TOPICS_MAX];
	size_t n_services, n_topics;

	/* The selection is kept by name, so that it stays put when rows move. */
	bool on_topic;
	char name[OP_TOPIC_NAME_MAX + 1];
	size_t scroll; /* first line of the detail page */

	struct op_table table;
	struct op_buf lines; /* of the detail page */
};

/* Sorts what the view holds and keeps the selection, or moves it to the first row. */
void top_arrange(struct top *t);
/* Moves the selection by so many rows over both lists. */
void top_move(struct top *t, long rows);
const struct op_view_service *top_selected_service(const struct top *t);
const struct op_view_topic *top_selected_topic(const struct top *t);

/* The detail page of the selection as lines of text into t->lines; the first is its title. */
void top_detail(struct top *t);

void top_draw(struct top *t, struct op_screen *s);

#endif
