# SPDX-License-Identifier: MIT
"""Rows, as in rows.py: programs that look into other programs, or pretend."""
from rows import row, words


@row('gdb', 'gcc')
def gdb(run):
    # it cannot read what is out: gdb_swap.sh has what it can do
    if 'swap' in run.env.get('MM_OPTIONS', ''):
        del run.env['MM_OPTIONS']
    run.write('t.c', r'''
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        struct node { struct node *next; char name[20]; };
        static struct node *push(struct node *list, int i)
        {
            struct node *n = malloc(sizeof(*n));
            n->next = list;
            sprintf(n->name, "node%d", i);
            return n;
        }
        int main(void)
        {
            struct node *list = NULL;
            for (int i = 0; i < 5; i++)
                list = push(list, i);
            puts(list->name);
            return 0;
        }''')
    run.sh('''
        gcc -g -O0 t.c -o t
        gdb -nx -batch -ex 'set debuginfod enabled off' \\
            -ex 'break push if i == 3' -ex run -ex 'info locals' \\
            -ex 'print *list' -ex 'print (char *)strdup("from gdb")' \\
            -ex 'backtrace' -ex 'finish' -ex 'print $.name' \\
            -ex 'delete' -ex 'continue' ./t''',
           hide=[r'0x[0-9a-f]+', r'^.*(libthread_db|warning|debuginfod).*\n',
                 r'\(process \d+\)', r'process \d+', r'\[Inferior.*'])


# It reads memory of what it traces.
@row('strace', 'perl')
def strace(run):
    words(run, 3000)
    run.sh('''strace -f -qq -o trace perl -ne '
            push @w, split; if ($. % 500 == 0) { system("echo $#w") }
            END { open F, ">out-$_" and print F "@w" for 1 .. 20 }' words
        sha1sum out-*; grep -c 'openat.*"out-' trace''')


# It puts a clock in the place of libc's.
@row('faketime', 'perl')
def faketime(run):
    run.sh('''faketime -f "2001-02-03 04:05:06" perl -e '
        $h{$_} = localtime for 1 .. 50000; print $h{7}, " ", scalar %h, "\\n";
        print join(",", (sort { $a <=> $b } keys %h)[0 .. 9]), "\\n"' ''')


# It writes what is reserved to the core dump, if it may.
@row('gcore', 'perl')
def gcore(run):
    if 'swap' in run.env.get('MM_OPTIONS', ''):
        del run.env['MM_OPTIONS']
    run.sh('''perl -e '@w = map { "word-$_." x 3 } 1 .. 100000; $| = 1;
            print "ready\\n"; sleep 100' >out &
        until grep -q ready out; do sleep 0.1; done
        timeout 60 gcore -o core $! >/dev/null 2>&1
        kill $!
        grep -aqF word-77777.word-77777.word-77777. core.$! && echo found
        test $(stat -c %s core.$!) -lt 200000000 && echo small''')
