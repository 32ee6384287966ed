// SPDX-License-Identifier: MIT
//
// operators.cc - the 20 replaceable forms of C++'s new and delete
//
#include <malloc.h>

#include <cstddef>
#include <new>

#include "check.h"

namespace
{
// Mangled, to ask the loader who serves them.
const char *const names[] = {
	"_Znwm",
	"_Znam",
	"_ZnwmRKSt9nothrow_t",
	"_ZnamRKSt9nothrow_t",
	"_ZnwmSt11align_val_t",
	"_ZnamSt11align_val_t",
	"_ZnwmSt11align_val_tRKSt9nothrow_t",
	"_ZnamSt11align_val_tRKSt9nothrow_t",
	"_ZdlPv",
	"_ZdaPv",
	"_ZdlPvRKSt9nothrow_t",
	"_ZdaPvRKSt9nothrow_t",
	"_ZdlPvm",
	"_ZdaPvm",
	"_ZdlPvSt11align_val_t",
	"_ZdaPvSt11align_val_t",
	"_ZdlPvSt11align_val_tRKSt9nothrow_t",
	"_ZdaPvSt11align_val_tRKSt9nothrow_t",
	"_ZdlPvmSt11align_val_t",
	"_ZdaPvmSt11align_val_t",
};
static_assert(sizeof(names) / sizeof(names[0]) == 20, "all 20 forms");

volatile std::size_t huge = PTRDIFF_MAX;
void *volatile sink; // keeps the compiler from dropping a call
int handler_calls;

void every_form_is_served()
{
	for (const char *name : names) {
		void *sym = mm_symbol(name);

		if (under_libmm() && sym && !served_by_libmm(sym))
			check_report(name, 0, "served by libmm");
	}
}

void *checked(void *p, std::size_t n, std::size_t align)
{
	CHECK(p && aligned_to(p, align) && malloc_usable_size(p) >= n);
	memset(p, 0x77, n);
	return p;
}

void plain_forms_pair(std::size_t n)
{
	::operator delete(checked(::operator new(n), n, n < 16 ? 8 : 16));
	::operator delete[](checked(::operator new[](n), n, n < 16 ? 8 : 16));
	::operator delete(checked(::operator new(n), n, 8), n);
	::operator delete[](checked(::operator new[](n), n, 8), n);
	::operator delete(checked(::operator new(n, std::nothrow), n, 8),
			  std::nothrow);
	::operator delete[](checked(::operator new[](n, std::nothrow), n, 8),
			    std::nothrow);
}

void aligned_forms_pair(std::size_t n, std::size_t to)
{
	const std::align_val_t align{ to };
	const std::nothrow_t &nt = std::nothrow;

	::operator delete(checked(::operator new(n, align), n, to), align);
	::operator delete[](checked(::operator new[](n, align), n, to), align);
	::operator delete(checked(::operator new(n, align), n, to), n, align);
	::operator delete[](checked(::operator new[](n, align), n, to), n,
			    align);
	::operator delete(checked(::operator new(n, align, nt), n, to), align,
			  nt);
	::operator delete[](checked(::operator new[](n, align, nt), n, to),
			    align, nt);
}

void all_sizes_and_alignments_pair()
{
	for (std::size_t n = 0; n < 40 * MIB; n += n / 2 + 1) {
		plain_forms_pair(n);
		for (std::size_t to = 1; to <= 2 * MIB; to *= 8)
			aligned_forms_pair(n, to);
	}
	::operator delete(nullptr);
	::operator delete[](nullptr, std::size_t(8));
	::operator delete (nullptr, std::align_val_t{ 64 });
}

template <class F> bool throws_bad_alloc(F form)
{
	try {
		form();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

void huge_sizes_throw()
{
	const std::align_val_t align{ 64 };

	CHECK(throws_bad_alloc([] { sink = ::operator new(huge); }));
	CHECK(throws_bad_alloc([] { sink = ::operator new[](huge); }));
	CHECK(throws_bad_alloc([&] { sink = ::operator new(huge, align); }));
	CHECK(throws_bad_alloc([&] { sink = ::operator new[](huge, align); }));
}

void huge_nothrow_is_null()
{
	const std::align_val_t align{ 64 };

	CHECK(!::operator new(huge, std::nothrow));
	CHECK(!::operator new[](huge, std::nothrow));
	CHECK(!::operator new(huge, align, std::nothrow));
	CHECK(!::operator new[](huge, align, std::nothrow));
}

// Retire at the third call: operator new has to ask again each time.
void retiring_handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

void throwing_handler()
{
	handler_calls++;
	throw std::bad_alloc();
}

template <class F> int calls_of(std::new_handler handler, F form)
{
	handler_calls = 0;
	std::set_new_handler(handler);
	form();
	std::set_new_handler(nullptr);
	return handler_calls;
}

void new_handler_is_asked_until_it_retires()
{
	const std::align_val_t align{ 64 };

	CHECK(calls_of(retiring_handler, [] {
		      CHECK(throws_bad_alloc(
			      [] { sink = ::operator new(huge); }));
	      }) == 3);
	CHECK(calls_of(retiring_handler, [&] {
		      CHECK(throws_bad_alloc(
			      [&] { sink = ::operator new[](huge, align); }));
	      }) == 3);
	CHECK(calls_of(retiring_handler, [] {
		      CHECK(!::operator new(huge, std::nothrow));
	      }) == 3);
}

void a_throwing_handler_ends_the_loop()
{
	CHECK(calls_of(throwing_handler, [] {
		      CHECK(throws_bad_alloc(
			      [] { sink = ::operator new(huge); }));
	      }) == 1);
	CHECK(calls_of(throwing_handler, [] {
		      CHECK(!::operator new(huge, std::nothrow));
	      }) == 1);
}

} // namespace

int main()
{
	every_form_is_served();
	all_sizes_and_alignments_pair();
	huge_sizes_throw();
	huge_nothrow_is_null();
	new_handler_is_asked_until_it_retires();
	a_throwing_handler_ends_the_loop();
	return check_result();
}
