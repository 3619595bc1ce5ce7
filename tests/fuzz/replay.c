/*
 * replay.c - runs a fuzz target on every file of its corpus, in builds without libFuzzer.
 *
 *     fuzz-NAME DIRECTORY|FILE...
 *
 * One case per target. A target that crashes ends the program, which is the failure. An empty
 * corpus fails too: a target without inputs tests nothing.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fts.h>
#include <outpost/base.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const char *path, size_t size)
{
	OP_AUTO_FREE uint8_t *data =
		malloc(size ? size : 1); /* exact, so that ASan sees one past it */
	FILE *f = fopen(path, "rb");
	bool ok = f && data && fread(data, 1, size, f) == size;
	if (f)
		(void)fclose(f); /* it was only read */
	if (ok)
		(void)LLVMFuzzerTestOneInput(data, size); /* its result is for libFuzzer's corpus */
	else
		fprintf(stderr, "%s: cannot be read\n", path);
	return ok;
}

int main(int argc, char **argv)
{
	unsigned inputs = 0;
	bool ok = argc > 1;
	FTS *tree = ok ? fts_open(argv + 1, FTS_LOGICAL | FTS_NOCHDIR, NULL) : NULL;
	for (FTSENT *e; tree && (e = fts_read(tree));) {
		if (e->fts_info == FTS_F) {
			ok = replay(e->fts_path, (size_t)e->fts_statp->st_size) && ok;
			inputs++;
		}
	}
	if (tree)
		(void)fts_close(tree); /* it was only read */
	if (!inputs)
		fprintf(stderr, "no inputs; usage: fuzz-NAME DIRECTORY|FILE...\n");
	ok = ok && inputs > 0;
	printf("%s corpus (%u inputs)\n%d passed, %d failed\n", ok ? "ok" : "FAILED", inputs, ok,
	       !ok);
	return !ok;
}
