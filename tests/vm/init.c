/*
 * init.c - the first process of a test machine: does what /plan says, a line at a time, and
 * switches the machine off. All output goes to the console; its own lines begin with "init: ".
 *
 *     module FILE [PARAMETERS]   load a module of the kernel
 *     adapter NAME PATH          a link to the I2C adapter whose name begins so
 *     poke PATH ADDRESS REG BYTE...   write registers of a chip, a byte at a time
 *     start PROGRAM [ARG]...     and go on
 *     run PROGRAM [ARG]...       to its end
 *     await PATH                 until it is there, at most a minute
 *     stop                       what was started last: SIGTERM, to its end
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64

static pid_t started;

static int say(const char *what, const char *object, int err)
{
	printf("init: %s %s: %s\n", what, object, err ? strerror(err) : "done");
	return err;
}

static int module(char **words)
{
	int fd = open(words[1], O_RDONLY | O_CLOEXEC);
	char parameters[256] = "";
	for (int i = 2; words[i]; i++) {
		strncat(parameters, words[i], sizeof(parameters) - strlen(parameters) - 2);
		strcat(parameters, " ");
	}
	int err = fd < 0 || syscall(SYS_finit_module, fd, parameters, 0) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return say("module", words[1], err == EEXIST ? 0 : err);
}

static int adapter(char **words)
{
	static const char all[] = "/sys/class/i2c-dev";
	char path[600], name[128] = "";
	DIR *d = opendir(all);
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s/name", all, e->d_name);
		FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (f && fgets(name, sizeof(name), f) &&
		    !strncmp(name, words[1], strlen(words[1]))) {
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			return say("adapter", path, symlink(path, words[2]) ? errno : 0);
		}
		if (f)
			fclose(f);
	}
	return say("adapter", words[1], ENOENT);
}

static int poke(char **words)
{
	int fd = open(words[1], O_RDWR | O_CLOEXEC), err = fd < 0 ? errno : 0;
	unsigned reg = (unsigned)strtoul(words[3], NULL, 0);
	if (!err && ioctl(fd, I2C_SLAVE, strtoul(words[2], NULL, 0)) < 0)
		err = errno;
	for (int i = 4; !err && words[i]; i++, reg++) {
		union i2c_smbus_data data = {.byte = (__u8)strtoul(words[i], NULL, 0)};
		struct i2c_smbus_ioctl_data request = {.read_write = I2C_SMBUS_WRITE,
						       .command = (__u8)reg,
						       .size = I2C_SMBUS_BYTE_DATA,
						       .data = &data};
		err = ioctl(fd, I2C_SMBUS, &request) < 0 ? errno : 0;
	}
	if (fd >= 0)
		close(fd);
	return say("poke", words[2], err);
}

static pid_t spawn(char **words)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		execv(words[1], words + 1);
		_exit(127);
	}
	return pid;
}

static int wait_for(pid_t pid, const char *name)
{
	int status = 0;
	if (waitpid(pid, &status, 0) < 0)
		return say("wait", name, errno);
	printf("init: %s ended with %d\n", name,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return 0;
}

static int start(char **words)
{
	started = spawn(words);
	return started < 0 ? say("start", words[1], errno) : 0;
}

static int run(char **words)
{
	return wait_for(spawn(words), words[1]);
}

static int await(char **words)
{
	int left = 6000;
	while (access(words[1], F_OK) && --left)
		(void)poll(NULL, 0, 10); /* until its next look */
	return say("await", words[1], left ? 0 : ETIMEDOUT);
}

static int stop(char **words)
{
	kill(started, SIGTERM);
	return wait_for(started, "it");
}

static const struct {
	const char *name;
	int words; /* at least */
	int (*fn)(char **words);
} commands[] = {{"module", 2, module}, {"adapter", 3, adapter}, {"poke", 5, poke},
		{"start", 2, start},   {"run", 2, run},         {"await", 2, await},
		{"stop", 1, stop}};

static int obey(char *line)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = line;
	int n = 0;
	for (char *word; n < WORDS_MAX && (word = strtok_r(n ? NULL : line, "\t\n", &rest));)
		words[n++] = word;
	for (size_t i = 0; n && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(words[0], commands[i].name) && n >= commands[i].words)
			return commands[i].fn(words);
	return n ? say("obey", words[0], EINVAL) : 0;
}

static void mount_all(void)
{
	static const char *const all[][2] = {
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		mkdir(all[i][1], 0755);
		if (mount(all[i][0], all[i][1], all[i][0], 0, NULL) && errno != EBUSY)
			say("mount", all[i][1], errno);
	}
	mkdir("/tmp", 01777);
}

int main(void)
{
	char line[4096];
	mount_all();
	setvbuf(stdout, NULL, _IOLBF, 0);
	FILE *plan = fopen("/plan", "r");
	int err = plan ? 0 : say("open", "/plan", errno);
	while (plan && !err && fgets(line, sizeof(line), plan))
		err = obey(line);
	printf("init: %s\n", err ? "given up" : "finished");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
