// SPDX-License-Identifier: GPL-2.0
/*
 * threads - a process with some named threads that sleep, for demo.sh
 *
 *	threads NAME...
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i, error;

	for (i = 1; i < argc; i++) {
		error = pthread_create(&thread, NULL, sleeper, NULL);
		if (!error)
			error = pthread_setname_np(thread, argv[i]);
		if (error) {
			fprintf(stderr, "threads: %s: %s\n", argv[i], strerror(error));
			return 1;
		}
	}
	sleeper(NULL);
}
