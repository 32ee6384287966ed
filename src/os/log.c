// SPDX-License-Identifier: MIT
/*
 * os/log.c - formatting without stdio, warnings, the end
 *
 * Owns the only formatter of the library. It allocates nothing, knows no
 * locale, and uses little stack, so that a view or a warning can be written
 * from the depth of malloc.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include "os/os.h"
#include "os/syscall.h"

struct spec {
	bool left, zero, has_prec;
	unsigned width, prec, longs;
};

struct sink {
	char *buf;
	size_t len, pos;
};

static void put(struct sink *s, char c)
{
	if (s->pos + 1 < s->len)
		s->buf[s->pos++] = c;
}

static void put_field(struct sink *s, const struct spec *sp, const char *str,
		      size_t len)
{
	size_t pad = sp->width > len ? sp->width - len : 0;

	if (!sp->left)
		for (; pad; pad--)
			put(s, sp->zero ? '0' : ' ');
	for (size_t i = 0; i < len; i++)
		put(s, str[i]);
	for (; pad; pad--)
		put(s, ' ');
}

static void put_number(struct sink *s, const struct spec *sp, uint64_t v,
		       unsigned base, const char *prefix)
{
	struct spec field = *sp;
	char tmp[24];
	char *p = tmp + sizeof(tmp);

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	/* zeros stand between the sign and the digits */
	if (field.zero && !field.left)
		for (; *prefix; prefix++, field.width -= field.width > 0)
			put(s, *prefix);
	for (size_t n = strlen(prefix); n--;)
		*--p = prefix[n];
	put_field(s, &field, p, (size_t)(tmp + sizeof(tmp) - p));
}

static const char *parse_spec(const char *f, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){ 0 };
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else
			break;
	}
	if (*f == '*') {
		sp->width = (unsigned)va_arg(*ap, int);
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		sp->width = sp->width * 10 + (unsigned)(*f - '0');
	if (*f == '.') {
		sp->has_prec = true;
		f++;
		if (*f == '*') {
			sp->prec = (unsigned)va_arg(*ap, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			sp->prec = sp->prec * 10 + (unsigned)(*f - '0');
	}
	for (; *f == 'l' || *f == 'z'; f++)
		sp->longs++;
	return f;
}

static void put_signed(struct sink *s, const struct spec *sp, va_list *ap)
{
	long v = sp->longs ? va_arg(*ap, long) : va_arg(*ap, int);

	put_number(s, sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
		   v < 0 ? "-" : "");
}

static void put_unsigned(struct sink *s, const struct spec *sp, va_list *ap,
			 unsigned base)
{
	put_number(s, sp,
		   sp->longs ? va_arg(*ap, unsigned long)
			     : va_arg(*ap, unsigned),
		   base, "");
}

static void put_string(struct sink *s, const struct spec *sp, const char *str)
{
	size_t n = 0;

	if (!str)
		str = "(null)";
	while ((!sp->has_prec || n < sp->prec) && str[n])
		n++;
	put_field(s, sp, str, n);
}

static size_t vformat(char *buf, size_t len, const char *f, va_list args)
{
	struct sink s = { buf, len, 0 };
	struct spec sp;
	va_list ap;
	char c;

	va_copy(ap, args);
	for (; *f; f++) {
		if (*f != '%') {
			put(&s, *f);
			continue;
		}
		f = parse_spec(f + 1, &sp, &ap);
		switch (*f) {
		case 's':
			put_string(&s, &sp, va_arg(ap, const char *));
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_field(&s, &sp, &c, 1);
			break;
		case 'd':
			put_signed(&s, &sp, &ap);
			break;
		case 'u':
			put_unsigned(&s, &sp, &ap, 10);
			break;
		case 'x':
			put_unsigned(&s, &sp, &ap, 16);
			break;
		case 'p':
			put_number(&s, &sp, (uintptr_t)va_arg(ap, void *), 16,
				   "0x");
			break;
		case '\0':
			f--; /* the format ends in a percent sign */
			break;
		default:
			put(&s, *f);
		}
	}
	va_end(ap);
	if (len)
		buf[s.pos] = '\0';
	return s.pos;
}

size_t os_format(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = vformat(buf, len, fmt, ap);
	va_end(ap);
	return n;
}

/* Threads with a table of descriptors of their own have no standard error. */
static void write_from_outside(const char *line, size_t len)
{
	long fd = sys_open("/proc/self/fd/2", O_WRONLY | O_APPEND);

	if (fd < 0)
		return;
	os_write_all((int)fd, line, len);
	os_close((int)fd);
}

static void log_line(const char *fmt, va_list ap)
{
	char line[512] = "mm: ";
	size_t n = 4 + vformat(line + 4, sizeof(line) - 5, fmt, ap);

	line[n] = '\n';
	if (os_write_all(2, line, n + 1) == -EBADF)
		write_from_outside(line, n + 1);
}

__cold void mm_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

__cold void bug(const char *fmt, ...)
{
	/* action SIG_DFL; a handler of the program might call malloc */
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} dfl = { 0 };
	unsigned long none = 0;
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
	sys4(SYS_rt_sigaction, SIGABRT, &dfl, NULL, sizeof(none));
	sys4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	sys3(SYS_tgkill, sys1(SYS_getpid, 0), sys1(SYS_gettid, 0), SIGABRT);
	for (;;)
		sys1(SYS_exit_group, 134);
}

void out_init(struct mm_out *o, int fd)
{
	o->fd = fd;
	o->err = 0;
	o->len = 0;
}

int out_flush(struct mm_out *o)
{
	if (!o->err && o->len)
		o->err = os_write_all(o->fd, o->buf, o->len);
	o->len = 0;
	return o->err;
}

/* A single call writes less than half the buffer. */
void out_printf(struct mm_out *o, const char *fmt, ...)
{
	va_list ap;

	if (o->len > sizeof(o->buf) / 2)
		out_flush(o);
	va_start(ap, fmt);
	o->len += vformat(o->buf + o->len, sizeof(o->buf) - o->len, fmt, ap);
	va_end(ap);
}
