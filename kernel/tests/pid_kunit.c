// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit test for the pid allocator: a pid gets its numbers in all its
 * namespaces, or none of them is touched.
 *
 * The namespaces are the test's own, from the oldest down, so that nobody else
 * forks into them, and what must not change can be compared.
 */

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/init_task.h>
#include <linux/jhash.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/threads.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

/* Levels count from 0. */
#define MAX_LEVELS (MAX_PID_NS_LEVEL + 1)

/* What the kernel picks next at @level: well beyond RESERVED_PIDS. */
#define CURSOR(level) (1000 + 10 * (level))

#ifdef ns_common_init	/* newer kernels: pid_max is each namespace's own */
static const int pid_max = PID_MAX_DEFAULT;

static void init_ns_common(struct pid_namespace *ns)
{
	refcount_set(&ns->ns.__ns_ref, 1);
	ns->ns.ns_type = CLONE_NEWPID;
	ns->ns.ops = &pidns_operations;
	ns->ns.inum = U32_MAX;
	/* References on the initial namespaces are not counted. */
	ns->ns.ns_id = NS_LAST_INIT_ID + 1;
	ns->pid_max = pid_max;
}

static unsigned int ns_references(const struct pid_namespace *ns)
{
	return __ns_ref_read(&ns->ns);
}
#else
static void init_ns_common(struct pid_namespace *ns)
{
	refcount_set(&ns->ns.count, 1);
}

static unsigned int ns_references(const struct pid_namespace *ns)
{
	return refcount_read(&ns->ns.count);
}

static void discard_pid(struct pid *pid)
{
	put_pid(pid);
}
#endif

/* A namespace as the allocator sees it. */
struct ns_state {
	unsigned int cursor;
	unsigned int allocated;	/* PIDNS_ADDING included */
	unsigned int held;	/* how many numbers cannot be had */
	u32 hash;		/* over these numbers and what is stored there */
};

struct pid_test {
	unsigned int levels;
	struct pid_namespace ns[MAX_LEVELS];
	struct ns_state before[MAX_LEVELS];
	pid_t set[MAX_LEVELS];	/* as set_tid: the youngest namespace first */
	struct kunit *test;
};

static struct kmem_cache *pid_caches[MAX_LEVELS];

/* idr_for_each() passes over numbers that are reserved but not published. */
static void walk_idr(struct ns_state *state, const struct xarray *xa,
		     const struct xa_node *node, unsigned int first)
{
	unsigned int i, nr;
	void *entry;

	for (i = 0; i < XA_CHUNK_SIZE; i++) {
		nr = first + (i << node->shift);
		entry = xa_entry(xa, node, i);
		if (xa_is_node(entry)) {
			walk_idr(state, xa, xa_to_node(entry), nr);
		} else if (!node->shift && !test_bit(i, node->marks[IDR_FREE])) {
			state->held++;
			state->hash = jhash(&entry, sizeof(entry),
					    jhash_1word(nr, state->hash));
		}
	}
}

static struct ns_state look_at(const struct pid_namespace *ns)
{
	struct ns_state state = {
		.cursor = idr_get_cursor(&ns->idr),
		.allocated = ns->pid_allocated,
	};
	void *root;

	rcu_read_lock();
	root = xa_head(&ns->idr.idr_rt);
	/* A root that is no node would be number 0, which no pid has. */
	if (xa_is_node(root))
		walk_idr(&state, &ns->idr.idr_rt, xa_to_node(root), 0);
	rcu_read_unlock();

	return state;
}

static void remember(struct pid_test *t)
{
	unsigned int level;

	for (level = 0; level < t->levels; level++)
		t->before[level] = look_at(&t->ns[level]);
}

/* @what was tried at @at, a level or size, and must not have changed anything. */
static void expect_no_trace(struct pid_test *t, const char *what,
			    unsigned int at)
{
	unsigned int level;

	for (level = 0; level < t->levels; level++) {
		const struct ns_state *was = &t->before[level];
		struct ns_state is = look_at(&t->ns[level]);

		KUNIT_EXPECT_EQ_MSG(t->test, is.cursor, was->cursor,
				    "%s (%u): the cursor of level %u has moved",
				    what, at, level);
		KUNIT_EXPECT_EQ_MSG(t->test, is.allocated, was->allocated,
				    "%s (%u): another count at level %u",
				    what, at, level);
		KUNIT_EXPECT_EQ_MSG(t->test, is.held, was->held,
				    "%s (%u): more or less is held at level %u",
				    what, at, level);
		KUNIT_EXPECT_EQ_MSG(t->test, is.hash, was->hash,
				    "%s (%u): something else is held at level %u",
				    what, at, level);
	}
}

static struct pid_namespace *youngest(struct pid_test *t)
{
	return &t->ns[t->levels - 1];
}

/* The entry of set_tid for @level. */
static pid_t *entry_for(struct pid_test *t, unsigned int level)
{
	return &t->set[t->levels - 1 - level];
}

/* Ask for another number at each level, from @first at the oldest on. */
static void ask_from(struct pid_test *t, pid_t first)
{
	unsigned int level;

	for (level = 0; level < t->levels; level++)
		*entry_for(t, level) = first + level;
}

static void ask_for_any(struct pid_test *t)
{
	memset(t->set, 0, sizeof(t->set));
}

/* What copy_process() does, with nothing in between. */
static struct pid *new_pid(struct pid_namespace *ns, pid_t *set, size_t size)
{
	struct pid *pid = alloc_pid(ns, set, size);
	int err;

	if (IS_ERR(pid))
		return pid;
	err = assign_pid(pid, set, size);
	if (err) {
		discard_pid(pid);
		return ERR_PTR(err);
	}
	return pid;
}

/* @what makes alloc_pid() or assign_pid() fail with @error without a trace. */
static void expect_refusal(struct pid_test *t, size_t size, int error,
			   const char *what, unsigned int at)
{
	struct pid *pid;

	remember(t);
	pid = new_pid(youngest(t), t->set, size);
	KUNIT_EXPECT_EQ_MSG(t->test, PTR_ERR_OR_ZERO(pid), error,
			    "%s (%u)", what, at);
	if (!IS_ERR(pid))
		free_pid(pid);
	expect_no_trace(t, what, at);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_pid_action, free_pid, struct pid *)

/* A pid that goes when the test ends, at the latest. */
static struct pid *must_alloc(struct pid_test *t, size_t size)
{
	struct pid *pid = new_pid(youngest(t), t->set, size);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(t->test, pid);
	KUNIT_ASSERT_EQ(t->test, 0,
			kunit_add_action_or_reset(t->test, free_pid_action, pid));
	return pid;
}

static void free_now(struct pid_test *t, struct pid *pid)
{
	kunit_release_action(t->test, free_pid_action, pid);
}

/* @pid is published with the numbers in the set, others come from the cursor. */
static void expect_numbers(struct pid_test *t, struct pid *pid, size_t size)
{
	unsigned int level;

	KUNIT_EXPECT_EQ(t->test, pid->level, t->levels - 1);
	for (level = 0; level < t->levels; level++) {
		struct pid_namespace *ns = &t->ns[level];
		unsigned int was = t->before[level].cursor;
		bool asked = t->levels - level <= size && *entry_for(t, level);
		int nr = asked ? *entry_for(t, level) : was;

		KUNIT_EXPECT_EQ_MSG(t->test, pid_nr_ns(pid, ns), nr,
				    "%zu entries: the number at level %u",
				    size, level);
		KUNIT_EXPECT_PTR_EQ_MSG(t->test, find_pid_ns(nr, ns), pid,
					"%zu entries: %d at level %u",
					size, nr, level);
		KUNIT_EXPECT_EQ_MSG(t->test, idr_get_cursor(&ns->idr),
				    asked ? was : nr + 1,
				    "%zu entries: the cursor of level %u",
				    size, level);
		KUNIT_EXPECT_EQ_MSG(t->test, look_at(ns).held,
				    t->before[level].held + 1,
				    "%zu entries: held at level %u",
				    size, level);
	}
}

static void expect_success(struct pid_test *t, size_t size)
{
	struct pid *pid;

	remember(t);
	pid = must_alloc(t, size);
	expect_numbers(t, pid, size);
	free_now(t, pid);
}

/* Namespaces to test in */

static void free_init(void *pid)
{
	ns_of_pid(pid)->child_reaper = NULL;
	free_pid(pid);
}

static void add_namespace(struct pid_test *t)
{
	unsigned int level = t->levels++;
	struct pid_namespace *ns = &t->ns[level];

	idr_init(&ns->idr);
	init_ns_common(ns);
	ns->level = level;
	ns->parent = level ? &t->ns[level - 1] : NULL;
	ns->user_ns = &init_user_ns;
	ns->pid_cachep = pid_caches[level];
	ns->pid_allocated = PIDNS_ADDING;
}

/* Give the youngest namespace its init. init_task can be woken at any time. */
static void add_init(struct pid_test *t)
{
	struct pid_namespace *ns = youngest(t);
	struct pid *pid;

	pid = new_pid(ns, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(t->test, pid);
	KUNIT_ASSERT_EQ(t->test, pid_nr_ns(pid, ns), 1);
	ns->child_reaper = &init_task;
	KUNIT_ASSERT_EQ(t->test, 0,
			kunit_add_action_or_reset(t->test, free_init, pid));
}

/* Each pid had a reference on its namespace. */
static void remove_namespaces(void *context)
{
	struct pid_test *t = context;
	unsigned int level;

	rcu_barrier();
	for (level = 0; level < t->levels; level++) {
		KUNIT_EXPECT_EQ_MSG(t->test, ns_references(&t->ns[level]), 1,
				    "a pid of level %u is leaked", level);
		idr_destroy(&t->ns[level].idr);
	}
}

struct depth {
	const char *name;
	unsigned int levels;
};

static const struct depth depths[] = {
	{ "1 level", 1 },
	{ "4 levels", 4 },
	{ "33 levels", MAX_LEVELS },
};

KUNIT_ARRAY_PARAM_DESC(depth, depths, name);

static int pid_test_init(struct kunit *test)
{
	const struct depth *depth = test->param_value ?: &depths[1];
	struct pid_test *t;
	unsigned int level;
	int err;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	test->priv = t;
	t->test = test;

	err = kunit_add_action(test, remove_namespaces, t);
	if (err)
		return err;
	while (t->levels < depth->levels) {
		add_namespace(t);
		add_init(t);
	}
	for (level = 0; level < t->levels; level++)
		idr_set_cursor(&t->ns[level].idr, CURSOR(level));
	return 0;
}

static void pid_test_suite_exit(struct kunit_suite *suite)
{
	unsigned int level;

	/* Complains if an object is left. */
	for (level = 0; level < MAX_LEVELS; level++) {
		kmem_cache_destroy(pid_caches[level]);
		pid_caches[level] = NULL;
	}
}

/* One for each level, so that a pid with a number too many is found out. */
static int pid_test_suite_init(struct kunit_suite *suite)
{
	unsigned int level;
	char name[20];

	for (level = 0; level < MAX_LEVELS; level++) {
		snprintf(name, sizeof(name), "pid_kunit_%u", level + 1);
		pid_caches[level] =
			kmem_cache_create(name,
					  struct_size_t(struct pid, numbers, level + 1),
					  __alignof__(struct pid),
					  SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE,
					  NULL);
		if (!pid_caches[level]) {
			pid_test_suite_exit(suite);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The tests */

static void alloc_pid_without_set(struct kunit *test)
{
	struct pid_test *t = test->priv;
	struct pid *pid;

	remember(t);
	pid = new_pid(youngest(t), NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pid);
	expect_numbers(t, pid, 0);
	free_pid(pid);
}

/* From none to one for each level: a short set speaks for the youngest. */
static void alloc_pid_set_of_each_size(struct kunit *test)
{
	struct pid_test *t = test->priv;
	size_t size;

	ask_from(t, 2000);
	for (size = 0; size <= t->levels; size++)
		expect_success(t, size);
}

static void alloc_pid_zero_entries(struct kunit *test)
{
	struct pid_test *t = test->priv;
	unsigned int level;

	for (level = 0; level < t->levels; level++) {
		/* At this level the kernel picks ... */
		ask_from(t, 2000);
		*entry_for(t, level) = 0;
		expect_success(t, t->levels);

		/* ... and now everywhere but there. */
		ask_for_any(t);
		*entry_for(t, level) = 2000;
		expect_success(t, t->levels);
	}
}

static void alloc_pid_set_too_long(struct kunit *test)
{
	struct pid_test *t = test->priv;

	ask_for_any(t);
	expect_refusal(t, t->levels + 1, -EINVAL, "one entry too many", 0);
	expect_refusal(t, SIZE_MAX, -EINVAL, "SIZE_MAX entries", 0);
}

static void alloc_pid_range(struct kunit *test)
{
	static const pid_t good[] = { 2, RESERVED_PIDS - 1, RESERVED_PIDS };
	const pid_t bad[] = { -1, INT_MIN, pid_max, pid_max + 1, INT_MAX };
	struct pid_test *t = test->priv;
	unsigned int level, i;

	for (level = 0; level < t->levels; level++) {
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			ask_from(t, 2000);
			*entry_for(t, level) = bad[i];
			expect_refusal(t, t->levels, -EINVAL, "out of range", level);
		}

		ask_for_any(t);
		*entry_for(t, level) = pid_max - 1;
		expect_success(t, t->levels);

		for (i = 0; i < ARRAY_SIZE(good); i++) {
			/* Busy: one init for each level from this one on. */
			if (good[i] <= t->levels - level)
				continue;
			*entry_for(t, level) = good[i];
			expect_success(t, t->levels);
		}
	}
}

/* Whoever may not choose does not learn which pids are in use either. */
static void alloc_pid_without_privilege(struct kunit *test)
{
	struct pid_test *t = test->priv;
	const struct cred *saved;
	unsigned int level;
	struct cred *cred;
	struct pid *pid;

	if (!IS_ENABLED(CONFIG_MULTIUSER))
		kunit_skip(test, "everybody is privileged without MULTIUSER");

	cred = prepare_creds();
	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	saved = override_creds(cred);

	for (level = 0; level < t->levels; level++) {
		ask_for_any(t);
		*entry_for(t, level) = 2000;
		expect_refusal(t, t->levels, -EPERM, "a free pid", level);
		*entry_for(t, level) = 1;
		expect_refusal(t, t->levels, -EPERM, "a busy pid", level);
		*entry_for(t, level) = -1;
		expect_refusal(t, t->levels, -EPERM, "out of range", level);
		*entry_for(t, level) = pid_max;
		expect_refusal(t, t->levels, -EPERM, "pid_max", level);
	}

	ask_for_any(t);
	remember(t);
	pid = new_pid(youngest(t), t->set, t->levels);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, pid);
	if (!IS_ERR(pid)) {
		expect_numbers(t, pid, t->levels);
		free_pid(pid);
	}

	revert_creds(saved);
	put_cred(cred);
}

/* A pid that is in use at one level: nothing is held at the others. */
static void alloc_pid_busy(struct kunit *test)
{
	struct pid_test *t = test->priv;
	unsigned int level;

	ask_from(t, 2000);
	must_alloc(t, t->levels);

	for (level = 0; level < t->levels; level++) {
		ask_from(t, 3000);
		*entry_for(t, level) = 2000 + level;
		expect_refusal(t, t->levels, -EEXIST, "busy among requested", level);
		expect_refusal(t, t->levels - level, -EEXIST, "busy in a short set", level);

		ask_for_any(t);
		*entry_for(t, level) = 2000 + level;
		expect_refusal(t, t->levels, -EEXIST, "busy among any", level);
	}

	ask_from(t, 2000);
	expect_refusal(t, t->levels, -EEXIST, "busy everywhere", 0);
}

/* clone3() and clone_with_pids() learn of a busy pid from here. */
static int must_not_run(void *unused)
{
	do_exit(0);
}

static void kernel_clone_busy(struct kunit *test)
{
	pid_t busy = 1;
	struct kernel_clone_args args = {
		.flags		= CLONE_FS | CLONE_FILES | CLONE_VM | CLONE_UNTRACED,
		.kthread	= 1,
		.fn		= must_not_run,
		.set_tid	= &busy,
		.set_tid_size	= 1,
	};

	KUNIT_EXPECT_EQ(test, kernel_clone(&args), -EEXIST);
	args.set_tid_ebusy = 1;
	KUNIT_EXPECT_EQ(test, kernel_clone(&args), -EBUSY);
}

/* Take all the numbers that are left. */
static void fill(struct pid_test *t, struct pid_namespace *ns)
{
	int nr;

	do {
		nr = idr_alloc(&ns->idr, t, 1, pid_max, GFP_KERNEL);
	} while (nr > 0);
	KUNIT_ASSERT_EQ(t->test, nr, -ENOSPC);
}

static void empty(struct pid_test *t, struct pid_namespace *ns)
{
	void *entry;
	int nr;

	idr_for_each_entry(&ns->idr, entry, nr) {
		if (entry == t)
			idr_remove(&ns->idr, nr);
	}
}

static void alloc_pid_exhausted(struct kunit *test)
{
	struct pid_test *t = test->priv;
	unsigned int level;
	struct pid *pid;

	for (level = 0; level < t->levels; level++) {
		struct pid_namespace *ns = &t->ns[level];
		const int left = RESERVED_PIDS + level;

		fill(t, ns);
		ask_for_any(t);
		expect_refusal(t, t->levels, -EAGAIN, "full", level);
		ask_from(t, 2000);
		expect_refusal(t, t->levels, -EEXIST, "full, a pid is requested", level);
		*entry_for(t, level) = 0;
		expect_refusal(t, t->levels, -EAGAIN, "full, others are requested", level);
		if (t->levels > 1) {
			*entry_for(t, level ? 0 : 1) = 1;
			expect_refusal(t, t->levels, -EEXIST, "full, and busy elsewhere", level);
		}

		/* The search does not go below RESERVED_PIDS again ... */
		idr_remove(&ns->idr, RESERVED_PIDS - 1);
		ask_for_any(t);
		expect_refusal(t, t->levels, -EAGAIN, "full but for reserved pids", level);

		/* ... but it does find what is left behind the cursor. */
		idr_remove(&ns->idr, left);
		remember(t);
		pid = must_alloc(t, t->levels);
		KUNIT_EXPECT_EQ(test, pid_nr_ns(pid, ns), left);
		KUNIT_EXPECT_EQ(test, idr_get_cursor(&ns->idr), left + 1);
		free_now(t, pid);

		empty(t, ns);
	}
}

/* After the maximum comes RESERVED_PIDS, for a namespace that got past it. */
static void alloc_pid_wraps_around(struct kunit *test)
{
	struct pid_test *t = test->priv;
	struct pid *last, *first;
	unsigned int level;

	ask_for_any(t);
	for (level = 0; level < t->levels; level++)
		idr_set_cursor(&t->ns[level].idr, pid_max - 1);

	remember(t);
	last = must_alloc(t, 0);
	expect_numbers(t, last, 0);

	remember(t);
	first = must_alloc(t, 0);
	for (level = 0; level < t->levels; level++) {
		struct pid_namespace *ns = &t->ns[level];

		KUNIT_EXPECT_EQ(test, pid_nr_ns(first, ns), RESERVED_PIDS);
		KUNIT_EXPECT_EQ(test, idr_get_cursor(&ns->idr), RESERVED_PIDS + 1);
	}
}

/* What the kernel without the series would choose. */
static int unpatched_choice(struct idr *idr)
{
	int min = idr_get_cursor(idr) > RESERVED_PIDS ? RESERVED_PIDS : 1;

	return idr_alloc_cyclic(idr, idr, min, pid_max, GFP_KERNEL);
}

/* @ns and @twin hold the same: does the kernel choose the same, as it would have? */
static void expect_same_choice(struct pid_test *t, struct idr *twin,
			       unsigned int cursor, const char *taken)
{
	struct pid_namespace *ns = youngest(t);
	int choice, nr, next;
	struct pid *pid;

	idr_set_cursor(&ns->idr, cursor);
	idr_set_cursor(twin, cursor);
	choice = unpatched_choice(twin);
	next = idr_get_cursor(twin);
	if (choice == -ENOSPC)
		choice = -EAGAIN;
	else
		idr_remove(twin, choice);

	pid = new_pid(ns, NULL, 0);
	nr = IS_ERR(pid) ? PTR_ERR(pid) : pid_nr_ns(pid, ns);
	KUNIT_EXPECT_EQ_MSG(t->test, nr, choice, "cursor %u, taken: %s",
			    cursor, taken);
	KUNIT_EXPECT_EQ_MSG(t->test, idr_get_cursor(&ns->idr), next,
			    "cursor %u, taken: %s: the cursor", cursor, taken);
	if (!IS_ERR(pid))
		free_pid(pid);
}

/*
 * At the edges of the search the choice is that of idr_alloc_cyclic(), also
 * where the cursor is beyond a pid_max that has been lowered.
 */
static void assign_pid_search(struct kunit *test)
{
	const unsigned int cursors[] = {	/* downwards */
		2 * pid_max, pid_max + 1, pid_max, pid_max - 1, pid_max - 2,
		RESERVED_PIDS + 2, RESERVED_PIDS + 1, RESERVED_PIDS,
		RESERVED_PIDS - 1, 3, 2, 1, 0,
	};
	struct pid_test *t = test->priv;
	struct pid_namespace *ns = youngest(t);
	unsigned int i, nr, taken_from = pid_max;
	DEFINE_IDR(twin);

	if (pid_max > PID_MAX_DEFAULT)
		kunit_skip(test, "it would take long to take all pids");

	KUNIT_ASSERT_EQ(test, idr_alloc(&twin, t, 1, 2, GFP_KERNEL), 1);
	for (i = 0; i < ARRAY_SIZE(cursors); i++)
		expect_same_choice(t, &twin, cursors[i], "none");

	for (i = 0; i < ARRAY_SIZE(cursors); i++) {
		while (taken_from > max(cursors[i], 2U)) {
			nr = --taken_from;
			idr_alloc(&ns->idr, t, nr, nr + 1, GFP_KERNEL);
			idr_alloc(&twin, t, nr, nr + 1, GFP_KERNEL);
		}
		expect_same_choice(t, &twin, cursors[i], "all from there on");
		if (taken_from == pid_max)
			continue;

		nr = pid_max - 1;
		idr_remove(&ns->idr, nr);
		idr_remove(&twin, nr);
		expect_same_choice(t, &twin, cursors[i], "all but the last");
		idr_alloc(&ns->idr, t, nr, nr + 1, GFP_KERNEL);
		idr_alloc(&twin, t, nr, nr + 1, GFP_KERNEL);
	}

	empty(t, ns);
	idr_destroy(&twin);
}

/* Between the two steps nothing is taken. */
static void alloc_pid_takes_nothing(struct kunit *test)
{
	struct pid_test *t = test->priv;
	struct pid *pid, *rival;
	unsigned int level;

	ask_from(t, 2000);
	remember(t);
	pid = alloc_pid(youngest(t), t->set, t->levels);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pid);
	expect_no_trace(t, "allocated", 0);

	rival = must_alloc(t, t->levels);
	KUNIT_EXPECT_EQ(test, assign_pid(pid, t->set, t->levels), -EEXIST);
	free_now(t, rival);
	remember(t);
	KUNIT_EXPECT_EQ(test, assign_pid(pid, t->set, t->levels), 0);
	expect_numbers(t, pid, t->levels);
	free_pid(pid);

	/* A failed attempt leaves the choice to the next one. */
	ask_for_any(t);
	pid = alloc_pid(youngest(t), t->set, t->levels);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pid);
	fill(t, youngest(t));
	remember(t);
	KUNIT_EXPECT_EQ(test, assign_pid(pid, t->set, t->levels), -EAGAIN);
	KUNIT_EXPECT_EQ(test, pid_nr_ns(pid, &t->ns[0]), 0);
	expect_no_trace(t, "full", 0);
	empty(t, youngest(t));
	for (level = 0; level < t->levels; level++)
		idr_set_cursor(&t->ns[level].idr, CURSOR(level) + 5);
	remember(t);
	KUNIT_EXPECT_EQ(test, assign_pid(pid, t->set, t->levels), 0);
	expect_numbers(t, pid, 0);
	free_pid(pid);

	remember(t);
	pid = alloc_pid(youngest(t), t->set, t->levels);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pid);
	discard_pid(pid);
	expect_no_trace(t, "discarded", 0);
}

/* Until there is an init, the youngest namespace takes nothing but pid 1. */
static void alloc_pid_first_process(struct kunit *test)
{
	struct pid_test *t = test->priv;
	unsigned int level;
	struct pid *pid;
	pid_t nr;

	add_namespace(t);
	level = t->levels - 1;

	ask_from(t, 2000);
	for (nr = 2; nr <= pid_max; nr *= 2) {
		*entry_for(t, level) = nr;
		expect_refusal(t, t->levels, -EINVAL, "an init that is not 1", level);
	}
	*entry_for(t, level) = -1;
	expect_refusal(t, t->levels, -EINVAL, "out of range", level);

	/* What fails for another reason leaves it waiting, too. */
	*entry_for(t, level) = 0;
	*entry_for(t, 0) = 1;
	expect_refusal(t, t->levels, -EEXIST, "busy elsewhere", level);

	for (nr = 0; nr <= 1; nr++) {
		ask_from(t, 2000);
		*entry_for(t, level) = nr;

		/* Even if an earlier one that failed late moved the cursor. */
		idr_set_cursor(&youngest(t)->idr, 2);
		remember(t);
		pid = must_alloc(t, t->levels);
		KUNIT_EXPECT_EQ(test, pid_nr_ns(pid, youngest(t)), 1);
		KUNIT_EXPECT_PTR_EQ(test, find_pid_ns(1, youngest(t)), pid);

		/* It is not known yet whether it will be born. */
		ask_for_any(t);
		expect_refusal(t, t->levels, -EINVAL, "no init yet, any", nr);
		expect_refusal(t, 0, -EINVAL, "no init yet, no set", nr);
		*entry_for(t, level) = 2;
		expect_refusal(t, t->levels, -EINVAL, "no init yet, 2", nr);
		*entry_for(t, level) = 1;
		expect_refusal(t, t->levels, -EEXIST, "no init yet, 1", nr);

		free_now(t, pid);
		KUNIT_EXPECT_EQ(test, youngest(t)->pid_allocated, PIDNS_ADDING);
		KUNIT_EXPECT_EQ(test, look_at(youngest(t)).held, 0);
	}

	add_init(t);
	remember(t);
	ask_from(t, 2000);
	pid = must_alloc(t, t->levels);
	expect_numbers(t, pid, t->levels);
}

/* A dead namespace refuses whoever would live in it or below. */
static void assign_pid_dead_namespace(struct kunit *test)
{
	struct pid_test *t = test->priv;
	unsigned int level;
	struct pid *pid;

	pid = must_alloc(t, 0);
	KUNIT_EXPECT_FALSE(test, pid_ns_is_dead(pid));

	for (level = 0; level < t->levels; level++) {
		struct pid_namespace *ns = &t->ns[level];

		disable_pid_allocation(ns);
		KUNIT_EXPECT_TRUE_MSG(test, pid_ns_is_dead(pid), "level %u", level);
		ask_for_any(t);
		expect_refusal(t, t->levels, -ENOMEM, "dead, any", level);
		expect_refusal(t, 0, -ENOMEM, "dead, no set", level);
		ask_from(t, 2000);
		expect_refusal(t, t->levels, -ENOMEM, "dead, requested", level);
		ask_for_any(t);
		t->set[0] = pid_nr_ns(pid, youngest(t));
		expect_refusal(t, 1, -EEXIST, "dead, busy", level);
		/* For the count of those that are left to be no reason to wake init. */
		ns->pid_allocated |= PIDNS_ADDING;
	}
}

static struct kunit_case pid_test_cases[] = {
	KUNIT_CASE_PARAM(alloc_pid_without_set, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_set_of_each_size, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_zero_entries, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_set_too_long, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_range, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_without_privilege, depth_gen_params),
	KUNIT_CASE_PARAM(alloc_pid_busy, depth_gen_params),
	KUNIT_CASE(alloc_pid_exhausted),
	KUNIT_CASE(alloc_pid_wraps_around),
	KUNIT_CASE(alloc_pid_first_process),
	KUNIT_CASE(assign_pid_search),
	KUNIT_CASE_PARAM(alloc_pid_takes_nothing, depth_gen_params),
	KUNIT_CASE_PARAM(assign_pid_dead_namespace, depth_gen_params),
	KUNIT_CASE(kernel_clone_busy),
	{}
};

static struct kunit_suite pid_test_suite = {
	.name = "pid",
	.suite_init = pid_test_suite_init,
	.suite_exit = pid_test_suite_exit,
	.init = pid_test_init,
	.test_cases = pid_test_cases,
};

kunit_test_suite(pid_test_suite);
