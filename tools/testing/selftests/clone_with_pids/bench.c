// SPDX-License-Identifier: GPL-2.0
/*
 * bench CALLS PART...: have a kernel that measures itself say what calls cost.
 *
 * Such a kernel tells in module parameters what the last call took: see probes
 * below, and scripts/bench.sh, which builds it. The parts are trees of pids,
 * in each of which callers are nested 1 to 33 pid namespaces deep, and growth:
 *
 *	dense	each number that is given has a live neighbour in its idr node
 *	sparse	each number is alone in its node, which is made and freed with it
 *	worst	so are the nodes above, up to a new root, for the largest numbers
 *	growth	a dense tree, four deep, with more and more live pids
 *
 * A line of output is: part, live pids, levels, operation, what was measured,
 * the median, the least and the most of CALLS calls. Children share memory with
 * the caller and exit at once, for this to be quick.
 */
#include <stdbool.h>
#include <linux/sched.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "call.h"
#include "child.h"
#include "namespaces.h"
#include "proc.h"

#define FLAGS (CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS)
#define PARAM(object, name) "/sys/module/" object "/parameters/" name
#define GROWTH_LEVELS 4
#define BUSY_PID 1		/* in use in each namespace */
#define RESERVED_PIDS 300	/* the kernel's own: below is for boot */
#define FIRST_LIVE 1000		/* growth fills the numbers from here up */

static struct probe {
	const char *path;
	const char *columns[3];
	int fd;
} probes[] = {
	{ PARAM("fork", "pid_cost"), { "cost", "dead" } },
	{ PARAM("pid", "alloc_hold"),
	  { "alloc_longest", "alloc_sum", "alloc_holds" } },
	{ PARAM("pid", "free_hold"),
	  { "free_longest", "free_sum", "free_holds" } },
};

#define NR_PROBES ((int)(sizeof(probes) / sizeof(*probes)))

/*
 * The numbers that are used are those of one idr node. Each call that chooses
 * none takes the next one, so the cursor is put back after some of them.
 */
#define NODE		64
#define NEIGHBOUR	16
#define CURSOR		17
#define BATCH		32
#define CHOSEN		56

static const struct tree {
	const char *name;
	pid_t node;		/* its first number */
	pid_t holder;		/* a live pid beside them, or 0 */
} trees[] = {
	{ "dense",  156 * NODE,	  156 * NODE + NEIGHBOUR },
	{ "sparse", 156 * NODE,	  130 * NODE },
	{ "worst",  65531 * NODE, 0 },
	{ "growth", 2344 * NODE,  2344 * NODE + NEIGHBOUR },
}, *tree;

static struct clone_stack stack;
static int nr_levels, nr_live, nr_calls;
static struct any_set set;		/* for clone_with_pids(): oldest first */
static pid_t tids[MAX_LEVELS];		/* for clone3(): youngest first */
static unsigned long (*samples)[3];

static void die(const char *what)
{
	printf("bench: %d levels, %s: %s: %s\n", nr_levels,
	       tree ? tree->name : "start", what, strerror(errno));
	exit(KSFT_FAIL);
}

/*
 * ns_last_pid is that of the writer's own namespace. So an ancestor stays in
 * each, to write there on request. A byte is the answer.
 */
static struct {
	int request[2], answer[2];
} ancestors[MAX_LEVELS];

static void serve_cursor(int level)
{
	pid_t last;

	while (read(ancestors[level].request[0], &last, sizeof(last)) == sizeof(last)) {
		if (write_int(NS_LAST_PID, last))
			die(NS_LAST_PID);
		if (write(ancestors[level].answer[1], "", 1) != 1)
			die("pipe");
	}
}

static void set_cursors(pid_t next)
{
	pid_t last = next - 1;
	int level;
	char c;

	if (write_int(NS_LAST_PID, last))
		die(NS_LAST_PID);
	for (level = 1; level < nr_levels; level++) {
		if (write(ancestors[level].request[1], &last, sizeof(last)) !=
		    sizeof(last) || read(ancestors[level].answer[0], &c, 1) != 1)
			die("pipe");
	}
}

static int with_clone(void)
{
	const unsigned long args[6] = { FLAGS | SIGCHLD, (unsigned long)&stack.top };

	stack.top = (struct start){ .fn = exit_at_once };
	return raw_clone(__NR_clone, args);
}

static int with_clone3_of(size_t n)
{
	const struct clone_args args = {
		.flags = FLAGS,
		.exit_signal = SIGCHLD,
		.stack = (unsigned long)&stack,
		.stack_size = offsetof(struct clone_stack, top),
		.set_tid = (unsigned long)tids,
		.set_tid_size = n,
	};
	const unsigned long regs[6] = { (unsigned long)&args, sizeof(args) };

	stack.top = (struct start){ .fn = exit_at_once };
	return raw_clone(__NR_clone3, regs);
}

static int with_clone3(void)
{
	return with_clone3_of(nr_levels);
}

static int with_clone_with_pids(void)
{
	return clone_on_stack(FLAGS | SIGCHLD, &stack, NULL, NULL, 0, &set,
			      exit_at_once, NULL);
}

/*
 * A zombie, with the number @nr in the @n youngest namespaces, is a live pid.
 * False if somebody else has that number.
 */
static bool try_to_hold_nr(pid_t nr, int n)
{
	int i, rc;

	for (i = 0; i < n; i++)
		tids[i] = nr;
	rc = with_clone3_of(n);
	if (rc == nr)
		return true;
	errno = -rc;
	if (rc != -EEXIST)
		die("cannot hold a pid");
	return false;
}

static void hold_nr(pid_t nr, int n)
{
	if (!try_to_hold_nr(nr, n))
		die("cannot hold a pid");
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

static int compare(const void *a, const void *b)
{
	const unsigned long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void reset_probe(const struct probe *p)
{
	const char *zeros = p->columns[2] ? "0,0,0" : "0,0";

	if (p->fd >= 0 && pwrite(p->fd, zeros, strlen(zeros), 0) < 0)
		die(p->path);
}

static void read_probe(const struct probe *p, unsigned long values[3])
{
	char buf[128];
	ssize_t len;

	if (p->fd < 0)
		return;
	len = pread(p->fd, buf, sizeof(buf) - 1, 0);
	if (len <= 0)
		die(p->path);
	buf[len] = '\0';
	if (sscanf(buf, "%lu,%lu,%lu", &values[0], &values[1], &values[2]) < 2)
		die(p->path);
}

static void tell(const char *operation, const char *column, unsigned long *values)
{
	qsort(values, nr_calls, sizeof(*values), compare);
	printf("%s,%d,%d,%s,%s,%lu,%lu,%lu\n", tree->name, nr_live, nr_levels,
	       operation, column, values[nr_calls / 2], values[0],
	       values[nr_calls - 1]);
	fflush(stdout);
}

/* @cursor: where clone() begins to look; @batch: how often before it is reset */
static void measure(const char *operation, int (*call)(void), int want,
		    pid_t cursor, int batch)
{
	unsigned long column[nr_calls];
	int i, p, c, rc;

	for (i = -BATCH; i < nr_calls; i++) {	/* some to warm up */
		if (batch && i % batch == 0)
			set_cursors(cursor);
		for (p = 0; p < NR_PROBES; p++)
			reset_probe(&probes[p]);
		rc = call();
		if (rc > 0)
			wait_exit(rc);
		if (want ? rc != want : rc < 0) {
			errno = rc < 0 ? -rc : 0;
			die(operation);
		}
		for (p = 0; i >= 0 && p < NR_PROBES; p++)
			read_probe(&probes[p], samples[p * nr_calls + i]);
	}

	for (p = 0; p < NR_PROBES; p++) {
		if (probes[p].fd < 0)
			continue;
		for (c = 0; c < 3 && probes[p].columns[c]; c++) {
			for (i = 0; i < nr_calls; i++)
				column[i] = samples[p * nr_calls + i][c];
			tell(operation, probes[p].columns[c], column);
		}
	}
}

/* All levels chosen; @busy: but for one, counted from the oldest, that is in use */
static void choose(int busy)
{
	int i;

	set.num_pids = nr_levels;
	for (i = 0; i < nr_levels; i++) {
		set.pids[i] = i == busy ? BUSY_PID : tree->node + CHOSEN;
		tids[nr_levels - 1 - i] = set.pids[i];
	}
}

static void measure_all(void)
{
	static const struct {
		const char *name;
		int (*call)(void);
		int error;
	} calls[] = {
		{ "clone3", with_clone3, -EEXIST },
		{ "clone_with_pids", with_clone_with_pids, -EBUSY },
	};
	const pid_t chosen = tree->node + CHOSEN;
	char name[64];
	int i;

	measure("clone", with_clone, 0, tree->node + CURSOR, BATCH);
	for (i = 0; i < 2; i++) {
		if (calls[i].call == with_clone3 ? nr_levels == MAX_LEVELS :
		    clone_with_pids(0, NULL, NULL, NULL, 0, &(__u32){ UINT_MAX }) != -EINVAL)
			continue;
		choose(-1);
		snprintf(name, sizeof(name), "%s_chosen", calls[i].name);
		measure(name, calls[i].call, chosen, 0, 0);
		choose(0);
		snprintf(name, sizeof(name), "%s_busy_oldest", calls[i].name);
		measure(name, calls[i].call, calls[i].error, 0, 0);
		choose(nr_levels / 2);
		snprintf(name, sizeof(name), "%s_busy_middle", calls[i].name);
		measure(name, calls[i].call, calls[i].error, 0, 0);
		choose(nr_levels - 1);
		snprintf(name, sizeof(name), "%s_busy_youngest", calls[i].name);
		measure(name, calls[i].call, calls[i].error, 0, 0);
	}
}

static void measure_growth(void)
{
	static const int steps[] = { 10, 1000, 30000, 100000 };
	pid_t next = FIRST_LIVE;
	unsigned int i;

	nr_live = 2;			/* this process, the neighbour */
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		/* A kernel thread may have been given one of the numbers. */
		while (nr_live < steps[i])
			nr_live += try_to_hold_nr(next++, nr_levels);
		measure_all();
		/* The search begins below all the live pids, and passes them. */
		measure("clone_past_all", with_clone, 0, FIRST_LIVE, 1);
	}
}

/* Goes on as the only process of the youngest of @nr_levels namespaces. */
static void nest_and_measure(void)
{
	int level;
	pid_t pid;

	nr_live = 0;
	/* The processes of the nest must not take the numbers that are used. */
	if (write_int(NS_LAST_PID, RESERVED_PIDS))
		die(NS_LAST_PID);
	/* clone3() reaches 32 levels: the oldest has a holder of its own. */
	if (tree->holder)
		hold_nr(tree->holder, 1);
	for (level = 1; level < nr_levels; level++) {
		if (pipe(ancestors[level].request) || pipe(ancestors[level].answer))
			die("pipe");
		must_unshare(CLONE_NEWPID);
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			continue;
		close(ancestors[level].request[1]);
		serve_cursor(level);
		level = wait_exit(pid);
		reap_all();
		exit(level);
	}
	if (nr_levels > 1 && tree->holder)
		hold_nr(tree->holder, nr_levels - 1);
	if (!strcmp(tree->name, "growth"))
		measure_growth();
	else
		measure_all();
	reap_all();
	exit(0);
}

static void run(const char *part)
{
	static const int depths[] = { 1, 2, 4, 8, 16, 32, 33 };
	const bool growth = !strcmp(part, "growth");
	unsigned int i;
	pid_t pid;

	tree = trees;
	while (strcmp(tree->name, part)) {
		if (++tree == trees + sizeof(trees) / sizeof(*trees)) {
			fprintf(stderr, "bench: there is no part '%s'\n", part);
			exit(KSFT_FAIL);
		}
	}
	for (i = 0; i < (growth ? 1 : sizeof(depths) / sizeof(*depths)); i++) {
		nr_levels = growth ? GROWTH_LEVELS : depths[i];
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			nest_and_measure();
		if (wait_exit(pid))
			exit(KSFT_FAIL);
	}
}

int main(int argc, char *argv[])
{
	bool any = false;
	int p;

	nr_calls = argc > 2 ? atoi(argv[1]) : 0;
	if (nr_calls < 1 || nr_calls > 100000) {
		fprintf(stderr, "usage: bench CALLS dense|sparse|worst|growth...\n");
		return KSFT_FAIL;
	}
	for (p = 0; p < NR_PROBES; p++) {
		probes[p].fd = open(probes[p].path, O_RDWR | O_CLOEXEC);
		any |= probes[p].fd >= 0;
	}
	if (!any) {
		fprintf(stderr, "bench: not a kernel that measures: see scripts/bench.sh\n");
		return KSFT_SKIP;
	}
	samples = calloc(nr_calls * NR_PROBES, sizeof(*samples));
	if (!samples || write_str("/proc/sys/kernel/threads-max", "200000") ||
	    write_int(PID_MAX, 4194304))
		die("prepare");
	while (*++argv) {
		if (argv[1])
			run(argv[1]);
	}
	return 0;
}
