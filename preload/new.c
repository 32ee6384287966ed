// SPDX-License-Identifier: MIT
/*
 * preload/new.c - C++'s 20 operators new and delete, by their mangled names
 *
 * Written in C so that a C program does not have to load a C++ library. The
 * C++ library is looked for only when memory runs out: it owns the
 * new_handler, throws std::bad_alloc, and catches what a handler throws.
 *
 * The standard lets a program replace any of the operators, and says which
 * others are built upon it. Hence they are weak, and the derived forms call
 * the basic ones (new, delete and their aligned twins) by name: a block from
 * a program's own operator new goes to its own operator delete.
 */
#include <dlfcn.h>
#include "api/api.h"
#include "alias.h"

/* std::align_val_t is a size_t, and std::nothrow_t only a tag. */
typedef const void nothrow_t;

void *_Znwm(size_t n);
void *_Znam(size_t n);
void *_ZnwmSt11align_val_t(size_t n, size_t align);
void *_ZnamSt11align_val_t(size_t n, size_t align);

/* Of the C++ library; std::get_new_handler() and what throws bad_alloc. */
typedef void new_handler_fn(void);
new_handler_fn *_ZSt15get_new_handlerv(void) __attribute__((weak));
void _ZSt17__throw_bad_allocv(void) __attribute__((weak));

/* Not in a static program, which needs no dynamic loader. */
#pragma weak dlsym
#pragma weak dlopen
#pragma weak dlclose

#define __replaceable __public __attribute__((weak))

/*
 * A symbol of the C++ library, after us in the search order. The library may
 * also have come by dlopen, visible to those alone who asked for it.
 */
static __cold void *cxx_symbol(const char *name)
{
	static const char *const libs[] = { "libstdc++.so.6", "libc++.so.1" };
	void *sym, *lib;

	if (!dlsym || !dlopen || !dlclose)
		return NULL;
	sym = dlsym(RTLD_NEXT, name);
	for (size_t i = 0; !sym && i < ARRAY_SIZE(libs); i++) {
		lib = dlopen(libs[i], RTLD_LAZY | RTLD_NOLOAD);
		if (!lib)
			continue;
		sym = dlsym(lib, name);
		dlclose(lib); /* the caller's code keeps it loaded */
	}
	return sym;
}

static __cold new_handler_fn *current_new_handler(void)
{
	new_handler_fn *(*get)(void) = _ZSt15get_new_handlerv;

	if (!get)
		get = cxx_symbol("_ZSt15get_new_handlerv");
	return get ? get() : NULL;
}

static __cold void throw_bad_alloc(void)
{
	void (*throw)(void) = _ZSt17__throw_bad_allocv;

	if (!throw)
		throw = cxx_symbol("_ZSt17__throw_bad_allocv");
	if (throw)
		throw();
	bug("operator new: out of memory");
}

/* Ask the handler and try again, until it throws or there is none. */
static __cold void *new_slow(size_t n, size_t align)
{
	new_handler_fn *handler;
	void *p = NULL;

	while (!p) {
		handler = current_new_handler();
		if (!handler)
			throw_bad_alloc();
		handler();
		p = align ? api_memalign(align, n) : api_malloc(n);
	}
	return p;
}

__replaceable __hot void *_Znwm(size_t n)
{
	void *p = api_malloc(n);

	return likely(p) ? p : new_slow(n, 0);
}

__replaceable void *_ZnwmSt11align_val_t(size_t n, size_t align)
{
	void *p;

	if (!is_power_of_2(align))
		throw_bad_alloc();
	p = api_memalign(align, n);
	return likely(p) ? p : new_slow(n, align);
}

__replaceable void *_Znam(size_t n)
{
	return _Znwm(n);
}

__replaceable void *_ZnamSt11align_val_t(size_t n, size_t align)
{
	return _ZnwmSt11align_val_t(n, align);
}

/*
 * The nothrow forms. Without memory, or where the program has replaced the
 * form that they are built upon, the C++ library's own nothrow form calls that
 * one and catches what it throws, which C cannot. A static program has no
 * second nothrow form: there @basic is all that is left.
 */
typedef void *new_fn(size_t n);
typedef void *new_aligned_fn(size_t n, size_t align);

__alias_of(_Znwm) static new_fn own_new;
__alias_of(_Znam) static new_fn own_new_array;
__alias_of(_ZnwmSt11align_val_t) static new_aligned_fn own_aligned;
__alias_of(_ZnamSt11align_val_t) static new_aligned_fn own_aligned_array;

static void *new_nothrow(size_t n, nothrow_t *t, new_fn *basic,
			 const char *name)
{
	bool ours = _Znwm == own_new && _Znam == own_new_array;
	void *p = ours ? api_malloc(n) : NULL;
	void *(*next)(size_t, nothrow_t *);

	if (likely(p))
		return p;
	next = cxx_symbol(name);
	if (next)
		return next(n, t);
	return ours ? NULL : basic(n);
}

static void *new_aligned_nothrow(size_t n, size_t align, nothrow_t *t,
				 new_aligned_fn *basic, const char *name)
{
	bool ours = _ZnwmSt11align_val_t == own_aligned &&
		    _ZnamSt11align_val_t == own_aligned_array;
	void *p = ours && is_power_of_2(align) ? api_memalign(align, n) : NULL;
	void *(*next)(size_t, size_t, nothrow_t *);

	if (likely(p))
		return p;
	next = cxx_symbol(name);
	if (next)
		return next(n, align, t);
	return ours ? NULL : basic(n, align);
}

/* Defines operator @name, of parameters @params, as @basic. */
#define OPERATOR(type, name, params, basic)                                    \
	type name params;                                                      \
	__replaceable type name params                                         \
	{                                                                      \
		basic;                                                         \
	}
#define N size_t n __attribute__((unused))
#define A size_t align __attribute__((unused))
#define T nothrow_t *t __attribute__((unused))

OPERATOR(void *, _ZnwmRKSt9nothrow_t, (N, T),
	 return new_nothrow(n, t, _Znwm, __func__))
OPERATOR(void *, _ZnamRKSt9nothrow_t, (N, T),
	 return new_nothrow(n, t, _Znam, __func__))
OPERATOR(void *, _ZnwmSt11align_val_tRKSt9nothrow_t, (N, A, T),
	 return new_aligned_nothrow(n, align, t, _ZnwmSt11align_val_t,
				    __func__))
OPERATOR(void *, _ZnamSt11align_val_tRKSt9nothrow_t, (N, A, T),
	 return new_aligned_nothrow(n, align, t, _ZnamSt11align_val_t,
				    __func__))

OPERATOR(__hot void, _ZdlPv, (void *p), api_free(p))
OPERATOR(void, _ZdaPv, (void *p), _ZdlPv(p))
OPERATOR(void, _ZdlPvm, (void *p, N), _ZdlPv(p))
OPERATOR(void, _ZdaPvm, (void *p, N), _ZdaPv(p))
OPERATOR(void, _ZdlPvRKSt9nothrow_t, (void *p, T), _ZdlPv(p))
OPERATOR(void, _ZdaPvRKSt9nothrow_t, (void *p, T), _ZdaPv(p))
OPERATOR(void, _ZdlPvSt11align_val_t, (void *p, A), api_free(p))
OPERATOR(void, _ZdaPvSt11align_val_t, (void *p, A),
	 _ZdlPvSt11align_val_t(p, align))
OPERATOR(void, _ZdlPvmSt11align_val_t, (void *p, N, A),
	 _ZdlPvSt11align_val_t(p, align))
OPERATOR(void, _ZdaPvmSt11align_val_t, (void *p, N, A),
	 _ZdaPvSt11align_val_t(p, align))
OPERATOR(void, _ZdlPvSt11align_val_tRKSt9nothrow_t, (void *p, A, T),
	 _ZdlPvSt11align_val_t(p, align))
OPERATOR(void, _ZdaPvSt11align_val_tRKSt9nothrow_t, (void *p, A, T),
	 _ZdaPvSt11align_val_t(p, align))
