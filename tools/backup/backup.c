/*
 * backup.c - `outpost backup`: settings and state of an appliance in one file, while it runs.
 *
 * Everything is staged beside the archive first, so that the manifest can say what is in it; the
 * stage is removed whatever happens, the archive gets its name when it is whole. One thread.
 * Status 0: done; 1: not; 2: wrong usage. Described in outpost-backup(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "backup.h"

#include <dirent.h>
#include <getopt.h>
#include <libgen.h>
#include <outpost/service.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char help[] =
	"usage: outpost backup FILE [APPLIANCE|FILE.yaml] [options]\n\n"
	"Writes the settings and the state of an appliance into FILE, a tar archive\n"
	"compressed with zstd. The appliance may run meanwhile.\n\n"
	"  --state DIR        what must survive a restart, if it is not in its usual place\n"
	"  --sim              what was kept with `outpost run --sim`\n"
	"  --env FILE         environment file (default: .env if it is there)\n"
	"  --secrets          keep secrets in it: the settings as they are, the environment file\n"
	"  --help\n\n"
	"APPLIANCE may be left out where only one has kept anything here.\n"
	"Status: 0 done, 1 not done, 2 wrong usage. See outpost-backup(1).\n";

struct backup {
	struct op_config_args args;
	const char *file, *appliance;
	bool secrets;
	char only[256]; /* the appliance, if it was not given */
	char yaml[PATH_MAX], state[PATH_MAX], stage[PATH_MAX];
	struct op_config *config;
	struct backup_manifest manifest;
	struct backup_counts counts;
};

static int wrong(const char *what)
{
	if (what)
		backup_tell("%s", what);
	fputs("Try 'outpost backup --help'.\n", stderr);
	return 2;
}

/* -1: go on; else the exit status. */
static int parse(struct backup *b, int argc, char **argv)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, OP_ARG_STATE},
		{"env", required_argument, NULL, OP_ARG_ENV},
		{"sim", no_argument, NULL, OP_ARG_SIM},
		{"secrets", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		if (c == 'h')
			return fputs(help, stdout) == EOF;
		if (c == '?')
			return wrong(NULL);
		if (c == 's')
			b->secrets = true;
		else if (op_config_args_take(&b->args, c, optarg) < 0)
			return wrong("too many options");
	}
	if (argc - optind < 1 || argc - optind > 2)
		return wrong(argc == optind ? "where to? FILE is missing" : "too many arguments");
	b->file = argv[optind];
	b->appliance = argv[optind + 1];
	return -1;
}

/* ---- what ---------------------------------------------------------------------------------- */

/* Of the appliance whose state directory is called so; 0: it is of --sim, or is not, unlike wanted.
 */
static int name_length(const char *dir, bool sim)
{
	size_t n = strlen(dir), end = strlen(OP_STATE_SIM);
	bool is_sim = n > end && !strcmp(dir + n - end, OP_STATE_SIM);
	return is_sim == sim ? (int)(sim ? n - end : n) : 0;
}

/* The only directory below the place where appliances keep their state. */
static int find_only(struct backup *b)
{
	char base[PATH_MAX];
	if (b->args.src.state_dir) { /* what is there does not say whose it is */
		backup_tell("which appliance keeps its state in %s? Its name or FILE.yaml is "
			    "missing: outpost backup FILE APPLIANCE --state DIR",
			    b->args.src.state_dir);
		return -ENOENT;
	}
	int r = op_state_dir(NULL, "", base, sizeof(base)), n = 0;
	DIR *d = r == 0 ? opendir(base) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		char dir[PATH_MAX];
		int name = name_length(e->d_name, b->args.src.sim);
		if (e->d_name[0] == '.' || !name || backup_join(dir, base, e->d_name) < 0 ||
		    backup_is_empty(dir))
			continue;
		(void)snprintf(b->only, sizeof(b->only), "%.*s", name,
			       e->d_name); /* as long as names get */
		n++;
	}
	if (d)
		(void)closedir(d); /* was only read */
	b->appliance = b->only;
	if (n == 1)
		return 0;
	backup_tell(n ? "several appliances have kept something in %s: say which"
		      : "no appliance has kept anything in %s: say which one, and where (--state)",
		    base);
	return -ENOENT;
}

static int load(struct backup *b)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 256 * 1024);
	b->args.src.file = b->yaml;
	b->args.src.environ = environ;
	int r = op_appliance_find(b->appliance, b->yaml, sizeof(b->yaml), &errors);
	if (r == 0)
		r = op_config_load(&b->args.src, &b->config, &errors);
	if (r < 0)
		fputs(errors.data, stderr);
	return r;
}

static int find_state(struct backup *b)
{
	char kept[300]; /* a name has 63 letters at most */
	(void)snprintf(kept, sizeof(kept), "%.250s%s", op_config_appliance(b->config),
		       b->args.src.sim ? OP_STATE_SIM : "");
	int r = op_state_dir(b->args.src.state_dir, kept, b->state, sizeof(b->state));
	b->args.src.state_dir = b->state;
	if (r == 0 && access(b->state, R_OK | X_OK) < 0)
		r = -errno;
	if (r < 0)
		backup_tell("%s: %s; --state says where the appliance keeps its state", b->state,
			    op_strerror(r));
	return r;
}

/* What is made beside the archive would be taken for state, and that again. */
static int check_target(const struct backup *b)
{
	OP_AUTO_FREE char *copy = strdup(b->file);
	OP_AUTO_FREE char *at = copy ? realpath(dirname(copy), NULL) : NULL;
	OP_AUTO_FREE char *state = realpath(b->state, NULL);
	size_t n = state ? strlen(state) : 0;
	if (!at || !state || strncmp(at, state, n) != 0 || (at[n] && at[n] != '/'))
		return 0; /* where it cannot be written, the stage says so */
	backup_tell("%s is within %s, which it is to hold: name a file elsewhere", b->file, state);
	return -EINVAL;
}

static void describe(struct backup *b)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	(void)snprintf(b->manifest.version, sizeof(b->manifest.version), "%s", OUTPOST_VERSION);
	(void)snprintf(b->manifest.appliance, sizeof(b->manifest.appliance), "%s",
		       op_config_appliance(b->config));
	op_time_rfc3339((int64_t)now.tv_sec * (int64_t)OP_NS_PER_S + now.tv_nsec, b->manifest.time);
	b->manifest.secrets = b->secrets;
}

/* ---- how ----------------------------------------------------------------------------------- */

static int make_stage(struct backup *b)
{
	if (snprintf(b->stage, sizeof(b->stage), "%s.stage-XXXXXX", b->file) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (mkdtemp(b->stage))
		return 0;
	b->stage[0] = '\0';
	return -errno;
}

static int fill(struct backup *b)
{
	char manifest[PATH_MAX];
	int r = backup_state(b->state, b->stage, &b->manifest, &b->counts);
	if (r == 0)
		r = backup_settings(&b->args.src, b->config, b->stage, &b->manifest);
	if (r == 0)
		r = backup_join(manifest, b->stage, BACKUP_MANIFEST);
	if (r == 0)
		r = backup_manifest_write(&b->manifest, manifest);
	return r < 0 ? r : backup_archive_write(b->file, b->stage, &b->manifest);
}

static void report(const struct backup *b)
{
	struct stat st;
	double mb = stat(b->file, &st) == 0 ? (double)st.st_size / 1e6 : 0;
	printf("%s: %u databases and %zu other files, %.1f MB, in %s (%.1f MB)\n",
	       b->manifest.appliance, b->counts.databases, b->manifest.n - b->counts.databases,
	       (double)backup_manifest_bytes(&b->manifest) / 1e6, b->file, mb);
	if (b->counts.damaged)
		backup_tell("note: left out %u files that were set aside as damaged in %s",
			    b->counts.damaged, b->state);
	if (b->counts.strange)
		backup_tell("note: left out %u links and other things that are not files in %s",
			    b->counts.strange, b->state);
	if (b->manifest.masked)
		backup_tell(
			"note: secrets in the settings are not in it; --secrets would keep them");
}

int backup_main(int argc, char **argv)
{
	struct backup b = {.file = NULL};
	int status = parse(&b, argc, argv);
	if (status >= 0)
		return status;
	backup_catch_signals();
	int r = b.appliance ? 0 : find_only(&b);
	if (r == 0)
		r = load(&b);
	if (r == 0)
		r = find_state(&b);
	if (r == 0)
		r = check_target(&b);
	if (r == 0)
		r = make_stage(&b);
	if (r == 0) {
		describe(&b);
		r = fill(&b);
	}
	if (b.stage[0])
		backup_remove_tree(b.stage);
	backup_progress_end();
	if (b.config) /* else its mistakes have been shown */
		backup_tell_last(b.file, r);
	if (r == 0)
		report(&b);
	backup_manifest_finish(&b.manifest);
	op_config_free(b.config);
	return r < 0 || fflush(stdout) ? 1 : 0;
}
