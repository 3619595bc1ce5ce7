/*
 * kv.c - small settings: durable when set, bounded, nothing written for nothing.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/kv.h>

#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct op_kv *open_kv(void)
{
	char path[200];
	struct op_kv *kv = NULL;
	snprintf(path, sizeof(path), "%s/settings.db", op_test_dir());
	CHECK_INT(op_kv_open(path, &kv, NULL), 0);
	return kv;
}

static void check_value(struct op_kv *kv, const char *key, const char *want)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, OP_KV_VALUE_MAX + 1);
	CHECK_INT(op_kv_get(kv, key, &b), want ? 0 : -ENOENT);
	CHECK_STR(b.data, want ? want : "");
}

TEST(what_is_set_is_kept)
{
	struct op_kv *kv = open_kv();
	check_value(kv, "a", NULL);
	CHECK_INT(op_kv_set(kv, "a", "1"), 0);
	CHECK_INT(op_kv_set(kv, "b", ""), 0);
	CHECK_INT(op_kv_set(kv, "a", "gr\xc3\xbc\xc3\x9f"), 0);
	op_kv_close(kv);
	kv = open_kv();
	check_value(kv, "a", "gr\xc3\xbc\xc3\x9f");
	check_value(kv, "b", "");
	CHECK_INT(op_kv_set(kv, "a", NULL), 0);
	CHECK_INT(op_kv_set(kv, "never", NULL), 0);
	check_value(kv, "a", NULL);
	op_kv_close(kv);
	op_kv_close(NULL);
}

TEST(it_survives_its_process)
{
	pid_t pid = fork();
	if (pid == 0) {
		CHECK_INT(op_kv_set(open_kv(), "a", "1"), 0);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	struct op_kv *kv = open_kv();
	check_value(kv, "a", "1");
	op_kv_close(kv);
}

TEST(keys_and_values_are_bounded)
{
	static char key[OP_KV_KEY_MAX + 2], value[OP_KV_VALUE_MAX + 2];
	struct op_kv *kv = open_kv();
	memset(key, 'k', sizeof(key) - 1);
	memset(value, 'v', sizeof(value) - 1);
	CHECK_INT(op_kv_set(kv, "", "x"), -EINVAL);
	CHECK_INT(op_kv_set(kv, key, "x"), -EINVAL);
	CHECK_INT(op_kv_set(kv, "two\nlines", "x"), -EINVAL);
	CHECK_INT(op_kv_set(kv, "a", value), -E2BIG);
	key[OP_KV_KEY_MAX] = value[OP_KV_VALUE_MAX] = '\0';
	CHECK_INT(op_kv_set(kv, key, value), 0);
	check_value(kv, key, value);
	char small[10];
	struct op_buf b;
	op_buf_init_fixed(&b, small, sizeof(small));
	CHECK_INT(op_kv_get(kv, key, &b), -ENOBUFS);
	op_kv_close(kv);
}

static int collect(const char *key, const char *value, void *arg)
{
	op_buf_printf(arg, "%s=%s ", key, value);
	return !strcmp(value, "stop") ? 7 : 0;
}

TEST(keys_are_listed_by_prefix)
{
	struct op_kv *kv = open_kv();
	static const char *const keys[] = {"a.2", "a.1", "a%1", "b.1", "A.1", "a"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(keys); i++)
		CHECK_INT(op_kv_set(kv, keys[i], "v"), 0);
	char text[200];
	struct op_buf b;
	op_buf_init_fixed(&b, text, sizeof(text));
	CHECK_INT(op_kv_each(kv, "a.", collect, &b), 0);
	CHECK_STR(text, "a.1=v a.2=v ");
	op_buf_reset(&b);
	CHECK_INT(op_kv_each(kv, "", collect, &b), 0);
	CHECK_STR(text, "A.1=v a=v a%1=v a.1=v a.2=v b.1=v ");
	op_buf_reset(&b);
	CHECK_INT(op_kv_set(kv, "a.1", "stop"), 0);
	CHECK_INT(op_kv_each(kv, "a.", collect, &b), 7);
	CHECK_STR(text, "a.1=stop ");
	op_kv_close(kv);
}

TEST(the_same_value_is_not_written_again)
{
	char path[200];
	struct stat before, after;
	struct op_kv *kv = open_kv();
	CHECK_INT(op_kv_set(kv, "a", "1"), 0);
	snprintf(path, sizeof(path), "%s/settings.db-wal", op_test_dir());
	CHECK_INT(stat(path, &before), 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(op_kv_set(kv, "a", "1"), 0);
	CHECK_INT(stat(path, &after), 0);
	CHECK_INT(after.st_size, before.st_size);
	CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	op_kv_close(kv);
}

TEST(a_damaged_file_is_set_aside)
{
	char path[200], text[600];
	struct op_kv *kv = open_kv();
	CHECK_INT(op_kv_set(kv, "a", "1"), 0);
	op_kv_close(kv);
	snprintf(path, sizeof(path), "%s/settings.db", op_test_dir());
	int fd = open(path, O_WRONLY);
	CHECK_INT(pwrite(fd, "garbage everywhere", 18, 1024 + 1024), 18);
	close(fd);
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	CHECK_INT(op_kv_open(path, &kv, &note), 0);
	CHECK_HAS(text, "settings.db.damaged-");
	check_value(kv, "a", NULL);
	CHECK_INT(op_kv_set(kv, "a", "2"), 0);
	op_kv_close(kv);
}
