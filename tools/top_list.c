/*
 * top_list.c - order and selection of `outpost top`.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "top.h"

static int compare(double a, double b)
{
	return (a > b) - (a < b);
}

static int service_by_name(const void *a, const void *b)
{
	const struct op_view_service *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static int service_by_load(const void *a, const void *b)
{
	const struct op_view_service *const *x = a, *const *y = b;
	int r = compare((*y)->cpu_percent, (*x)->cpu_percent);
	return r ? r : service_by_name(a, b);
}

static int service_by_trouble(const void *a, const void *b)
{
	const struct op_view_service *const *x = a, *const *y = b;
	int r = compare((*y)->is.health, (*x)->is.health);
	r = r ? r : compare((double)(*y)->restarts, (double)(*x)->restarts);
	return r ? r : service_by_name(a, b);
}

static int topic_by_name(const void *a, const void *b)
{
	const struct op_view_topic *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static int topic_by_load(const void *a, const void *b)
{
	const struct op_view_topic *const *x = a, *const *y = b;
	int r = compare((*y)->measured_hz, (*x)->measured_hz);
	return r ? r : topic_by_name(a, b);
}

static int topic_by_trouble(const void *a, const void *b)
{
	const struct op_view_topic *const *x = a, *const *y = b;
	int r = compare((*y)->at.state, (*x)->at.state);
	r = r ? r : compare((double)(*y)->missed, (double)(*x)->missed);
	return r ? r : topic_by_name(a, b);
}

static int (*const service_order[])(const void *, const void *) = {
	[TOP_BY_NAME] = service_by_name,
	[TOP_BY_LOAD] = service_by_load,
	[TOP_BY_TROUBLE] = service_by_trouble,
};

static int (*const topic_order[])(const void *, const void *) = {
	[TOP_BY_NAME] = topic_by_name,
	[TOP_BY_LOAD] = topic_by_load,
	[TOP_BY_TROUBLE] = topic_by_trouble,
};

/* Row of the selection over both lists; the number of rows if it is not there any more. */
static size_t selected_row(const struct top *t)
{
	if (!t->on_topic)
		for (size_t i = 0; i < t->n_services; i++)
			if (!strcmp(t->services[i]->name, t->name))
				return i;
	if (t->on_topic)
		for (size_t i = 0; i < t->n_topics; i++)
			if (!strcmp(t->topics[i]->name, t->name))
				return t->n_services + i;
	return t->n_services + t->n_topics;
}

static void select_row(struct top *t, size_t row)
{
	t->on_topic = row >= t->n_services;
	const char *name = "";
	if (!t->on_topic)
		name = t->services[row]->name;
	else if (row - t->n_services < t->n_topics)
		name = t->topics[row - t->n_services]->name;
	(void)snprintf(t->name, sizeof(t->name), "%s", name); /* both are of this size */
}

void top_arrange(struct top *t)
{
	const struct op_view *v = t->view;
	for (size_t i = 0; i < v->n_services; i++)
		t->services[i] = &v->services[i];
	for (size_t i = 0; i < v->n_topics; i++)
		t->topics[i] = v->topics[i];
	t->n_services = v->n_services;
	t->n_topics = v->n_topics;
	qsort(t->services, t->n_services, sizeof(t->services[0]), service_order[t->sort]);
	qsort(t->topics, t->n_topics, sizeof(t->topics[0]), topic_order[t->sort]);
	if (selected_row(t) < t->n_services + t->n_topics)
		return;
	select_row(t, 0);
	if (t->page == TOP_DETAIL) /* what it showed is gone */
		t->page = TOP_LISTS;
}

void top_move(struct top *t, long rows)
{
	long n = (long)(t->n_services + t->n_topics), row = (long)selected_row(t) + rows;
	if (n > 0)
		select_row(t, (size_t)(row < 0 ? 0 : row >= n ? n - 1 : row));
}

const struct op_view_service *top_selected_service(const struct top *t)
{
	size_t row = selected_row(t);
	return !t->on_topic && row < t->n_services ? t->services[row] : NULL;
}

const struct op_view_topic *top_selected_topic(const struct top *t)
{
	size_t row = selected_row(t);
	return t->on_topic && row < t->n_services + t->n_topics ? t->topics[row - t->n_services]
								: NULL;
}
