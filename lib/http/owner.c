/*
 * owner.c - who holds a TCP port: /proc/net/tcp for the socket, /proc/PID/fd for the process.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <outpost/http.h>
#include <stdio.h>
#include <string.h>

/* The inode of a socket that listens on the port, 0 if this table has none (proc(5)). */
static unsigned long find_inode(const char *table, uint16_t port)
{
	char line[512];
	unsigned long found = 0;
	FILE *f = fopen(table, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line,
			   " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %lu",
			   &local, &state, &inode) == 3 &&
		    local == port && state == 0x0a)
			found = inode;
	}
	if (f)
		fclose(f);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[300], want[40], link[64];
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		char name[600];
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		ssize_t n = readlink(name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		found = n > 0 && !strcmp(link, want);
	}
	if (d)
		closedir(d);
	return found;
}

static void put_process(const char *pid, struct op_buf *out)
{
	char path[300], name[64] = "?";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	op_buf_printf(out, "process %s (%s)", pid, name);
}

void op_http_port_owner(uint16_t port, struct op_buf *out)
{
	unsigned long inode = find_inode("/proc/net/tcp", port);
	if (!inode)
		inode = find_inode("/proc/net/tcp6", port);
	DIR *d = inode ? opendir("/proc") : NULL;
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_socket(e->d_name, inode)) {
			put_process(e->d_name, out);
			found = true;
		}
	if (d)
		closedir(d);
	if (!found)
		op_buf_printf(out,
			      "another user's process (find it with: sudo ss -ltnp 'sport = :%u')",
			      port);
}
