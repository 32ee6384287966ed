/* SPDX-License-Identifier: MIT */
/*
 * forks.c - what lies in the heap that libc needs around fork()
 *
 * It clears in the child what other threads have set for pthread keys, which
 * from key 32 on is a block of the heap's; and the thread that forks may be on
 * a stack that ends right above it.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "heap.h"

#define NR_KEYS	   64
#define NR_OBJECTS 4000
#define OBJECT	   ((size_t)512) /* as large as that block */
#define STACK	   (64 * KIB)
#define ROUNDS	   5

static pthread_key_t key[NR_KEYS];
static unsigned char *object[NR_OBJECTS];
static int ready, done;

static void make_objects(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		object[i] = malloc(OBJECT);
		CHECK(object[i]);
		memset(object[i], 0x5a, OBJECT);
	}
}

static void *other(void *arg)
{
	make_objects(0, NR_OBJECTS / 2);
	for (unsigned i = 40; i < NR_KEYS; i++)
		CHECK(!pthread_setspecific(key[i], arg));
	make_objects(NR_OBJECTS / 2, NR_OBJECTS);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (unsigned i = 40; i < NR_KEYS; i++)
		CHECK(pthread_getspecific(key[i]) == arg);
	return NULL;
}

static int lost(void)
{
	int nr = 0;

	for (unsigned i = 0; i < NR_OBJECTS; i++)
		for (size_t k = 0; k < OBJECT; k++)
			if (object[i][k] != 0x5a) {
				nr++;
				break;
			}
	return nr;
}

static int in_child(int (*f)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(f() != 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void keys_of_other_threads(void)
{
	pthread_t t;

	for (unsigned i = 0; i < NR_KEYS; i++)
		CHECK(!pthread_key_create(&key[i], NULL));
	CHECK(!pthread_create(&t, NULL, other, key));
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (int i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < NR_OBJECTS; k++)
			heap_advise(object[k], OBJECT, MM_COLD);
		usleep(200000);
		CHECK(!under_libmm() || heap_is_out(object[NR_OBJECTS / 3]));
		CHECK(!in_child(lost));
	}
	CHECK(!lost());
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	CHECK(!pthread_join(t, NULL));
}

static ucontext_t back, context;
static int result = -1;

static int nothing(void)
{
	return 0;
}

static void fork_there(void)
{
	result = in_child(nothing);
}

static void stack_that_ends_above(void)
{
	char *stack = mmap(NULL, STACK + HEAP_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(stack != MAP_FAILED);
	CHECK(!mprotect(stack + STACK, HEAP_PAGE, PROT_NONE));
	getcontext(&context);
	context.uc_stack.ss_sp = stack;
	context.uc_stack.ss_size = STACK;
	context.uc_link = &back;
	makecontext(&context, fork_there, 0);
	swapcontext(&back, &context);
	CHECK(!result);
	munmap(stack, STACK + HEAP_PAGE);
}

int main(void)
{
	if (!swap_possible())
		return SKIP;
	stack_that_ends_above();
	keys_of_other_threads();
	return check_result();
}
