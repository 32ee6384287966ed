# SPDX-License-Identifier: MIT
"""The programs that run under libmm, one function each.

A row works in run.dir. It notes what it does with run.cmd() and run.sh(), so
what they print has to be the same every time; what cannot be is hidden, or
is not printed but counted. Servers listen on unix sockets only.
"""
import os
import socket
from dataclasses import dataclass
from typing import Callable

ROWS = []


@dataclass
class Row:
    """A program: what has to be installed, and which forms it has."""
    name: str
    needs: tuple
    has_short: bool
    has_long: bool
    steps: Callable


def row(*needs, short=True, long=False):
    def add(steps):
        name = steps.__name__.replace('_', '-')
        ROWS.append(Row(name, needs, short, long, steps))
        return steps
    return add


# Numbers and words for those who need input: the same every time.
WORDS = r'''
    my $x = 1;
    sub rnd { $x = ($x * 1103515245 + 12345) % 2147483648; $x >> 8 }
    my @v = qw(page zone node slab buddy order cache swap table entry fault);
    for (1 .. $ARGV[0]) {
        print join(" ", rnd(), map({ $v[rnd() % @v] } 1 .. 1 + rnd() % 9)),
            "\n";
    }'''


def words(run, count):
    """Makes the file `words`, of so many lines."""
    run.write('words.pl', WORDS)
    run.sh(f'perl words.pl {count} >words')


def python_tests(run, timeout, *names):
    """Python's own tests; the summary is compared, the times are not."""
    run.cmd('/usr/bin/python3', '-m', 'test', *names, timeout=timeout,
            hide=[r'^.*(load avg|tempdir|cwd|duration|CPU count|Run tests'
                  r'|encodings|in progress|running:).*\n?',
                  r'^test_\w+ (passed|took) in .*\n?'])


TESTSUITE = '/usr/lib/python3.11/test/test_list.py'


@row('/usr/bin/python3', TESTSUITE)
def python(run):
    python_tests(run, 200, 'test_list', 'test_dict', 'test_json', 'test_re',
                 'test_pickle', 'test_ctypes')


@row('/usr/bin/python3', TESTSUITE)
def python_threading(run):
    python_tests(run, 200, 'test_threading')


@row('/usr/bin/python3', TESTSUITE, short=False, long=True)
def python_processes(run):
    python_tests(run, 900, 'test_subprocess', 'test_multiprocessing_fork')


@row('perl')
def perl(run):
    words(run, 60000)
    run.write('t.pl', r'''
        use strict; use warnings; use Storable qw(dclone freeze thaw);
        use List::Util qw(sum); use Digest::SHA qw(sha1_hex);
        my (%by, @all);
        open my $f, "<", "words" or die;
        while (<$f>) {
            my ($n, @w) = split;
            push @{$by{$_}}, $n for @w;
            push @all, { n => $n, w => [reverse @w], s => lc "@w" x 3 };
        }
        print "$_ ", scalar @{$by{$_}}, " ", sum(@{$by{$_}}), "\n"
            for sort keys %by;
        my $copy = thaw freeze dclone \@all;
        my @s = sort { $a->{s} cmp $b->{s} || $a->{n} <=> $b->{n} } @$copy;
        my $text = join "|", map { "$_->{n}:@{$_->{w}}" } @s;
        $text =~ s/(\w+) (\w+)/$2-$1/g;
        print length $text, " ", sha1_hex($text), "\n";
        my $big = "";
        $big .= sprintf "%08x", $_ * 2654435761 % 4294967296 for 1 .. 200000;
        print sha1_hex($big), "\n";
        for my $kid (1 .. 8) {
            defined(my $pid = fork) or die;
            if (!$pid) { my @x = map { "$_" x $kid } 1 .. 20000; exit @x % 7 }
            waitpid $pid, 0;
            print $? >> 8, "\n";
        }''')
    run.sh('perl t.pl')


@row('git', 'perl', long=True)
def git(run):
    run.write('gitconfig', '[safe]\n directory = *\n[user]\n name = a\n'
              ' email = a@b\n[pack]\n threads = 2\n[gc]\n auto = 0\n')
    run.env.update(GIT_CONFIG_GLOBAL=str(run.dir / 'gitconfig'),
                   GIT_AUTHOR_DATE='2000-01-01T00:00:00Z',
                   GIT_COMMITTER_DATE='2000-01-01T00:00:00Z')
    words(run, run.scale(20000, 200000))
    run.sh(f'''
        if git -C {run.top} rev-parse -q --verify HEAD >head; then
            git clone -q --no-local {run.top} clone
        else
            git init -q clone # the sources came as a tarball
        fi
        cd clone
        git checkout -q --orphan more
        for i in 1 2 3 4 5; do
            split -l $((300 * i)) -a 3 ../words part-
            git add .
            git commit -q -m "round $i"
        done
        git repack -q -adf --window=20 --depth=20
        git fsck --full --strict
        git count-objects -v | grep -E '^(count|in-pack|packs):'
        git log --stat --format=%H | sha1sum
        git grep -c 'swap table' more | sha1sum
        git archive more | sha1sum
        git gc -q --prune=now && git fsck''')


def compile_libmm(run, *compiler):
    """Every source of libmm, to an object that has to be the same."""
    run.sh('''
        n=0
        for c in $(cd "$top" && find src preload -name '*.c' | sort); do
            "$@" -std=gnu11 -O2 -D_GNU_SOURCE -I"$top/src" -I"$top/include" \\
                -c "$top/$c" -o $((n += 1)).o
            sha1sum $n.o
        done'''.replace('"$top', f'"{run.top}').replace(
            '"$@"', ' '.join(compiler)))


@row('gcc')
def gcc(run):
    compile_libmm(run, 'gcc')


@row('clang')
def clang(run):
    compile_libmm(run, 'clang')


@row('redis-server', 'redis-benchmark', 'redis-cli', long=True)
def redis(run):
    server = run.server('redis-server', '--port', '0', '--unixsocket',
                        'redis.sock', '--save', '', '--dir', run.dir,
                        '--enable-debug-command', 'yes', ready='redis.sock')
    count = run.scale(20000, 1000000)
    run.sh(f'''
        redis-benchmark -s redis.sock -n {count} -P 16 -c 20 -q --threads 2 \\
            -r 10000 -d 100 -t set,get,incr,lpush,lpop,sadd,hset,zadd,mset \\
            | grep -c 'requests per second'
        cli="redis-cli -s redis.sock"
        $cli flushall
        for i in $(seq 1 2000); do
            echo "SET key:$i $(printf '%0*d' $((i % 700 + 1)) $i)"
            echo "HSET hash:$((i % 50)) f$i $i"
            echo "ZADD zset:$((i % 20)) $i member$i"
            echo "RPUSH list:$((i % 10)) $i"
        done | $cli --pipe | grep -oE 'errors: .*'
        $cli debug digest
        $cli bgsave
        while $cli info persistence | grep -q bgsave_in_progress:1; do
            sleep 0.1
        done
        $cli info persistence | grep bgsave_status
        $cli debug reload
        $cli debug digest
        $cli dbsize''')
    run.stop(server)


@row('sqlite3')
def sqlite3(run):
    run.write('t.sql', '''
        CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, c BLOB);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
            WHERE i < 60000)
            INSERT INTO t SELECT i, i * 7919 % 10007, printf('%x-%d', i * i,
                i), zeroblob(i % 300) FROM n;
        CREATE INDEX ta ON t(a); CREATE INDEX tb ON t(b);
        SELECT count(*), sum(a), sum(length(b)), sum(length(c)) FROM t;
        SELECT a, count(*), group_concat(b) FROM t WHERE a < 5 GROUP BY a;
        DELETE FROM t WHERE id % 3 = 0; UPDATE t SET b = b || a, c = NULL
            WHERE a % 2;
        SELECT count(*), sum(length(x.b)) FROM t x JOIN t y USING (a)
            WHERE x.id < 2000;
        VACUUM; PRAGMA integrity_check;
        SELECT json_group_array(json_object('id', id, 'b', b)) FROM t
            WHERE id < 60;''')
    run.sh('sqlite3 t.db <t.sql; sqlite3 t.db .dump | sha1sum')


@row('/usr/lib/postgresql/15/bin/initdb', 'setpriv', long=True)
def postgres(run):
    run.env['PATH'] = '/usr/lib/postgresql/15/bin:' + run.env['PATH']
    run.env.update(PGHOST=str(run.dir), PGDATABASE='postgres', PGUSER='pg')
    run.sh('initdb -D data -U pg -A trust -N --no-locale -E UTF8',
           unprivileged=True, hide=[r'".*"', r'pg_ctl.*', r'/\S+'])
    server = run.server('postgres', '-D', run.dir / 'data', '-k', run.dir,
                        '-c', 'listen_addresses=', '-c', 'fsync=off',
                        '-c', 'shared_buffers=32MB',
                        ready='.s.PGSQL.5432.lock', unprivileged=True)
    each = run.scale(250, 10000)
    run.sh(f'''
        until psql -Atc 'select 1' 2>/dev/null; do sleep 0.2; done | tail -n 1
        pgbench -i -q -s {run.scale(1, 10)} 2>/dev/null
        pgbench -c 4 -j 2 -t {each} -M prepared 2>/dev/null |
            grep -E 'processed|failed'
        psql -Atc "select count(*) from pgbench_history" -c "
            select (select sum(abalance) from pgbench_accounts)
                 = (select sum(delta) from pgbench_history)" -c "
            select md5(string_agg(md5(i::text), ',' order by i % 97, i))
            from generate_series(1, 50000) i"''', unprivileged=True,
           timeout=600)
    run.stop(server)


@row('memcached')
def memcached(run):
    server = run.server('memcached', '-s', run.dir / 'mc.sock', '-a', '0777',
                        '-m', '64', '-t', '4', '-I', '4m', ready='mc.sock',
                        unprivileged=True)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(run.dir / 'mc.sock'))
        sock.settimeout(30)
        file = sock.makefile('rwb')
        answers = {}
        for i in range(run.scale(5000, 50000)):
            value = b'%d' % i * (1 + i * 37 % 500)
            file.write(b'set k%d 0 0 %d\r\n%s\r\n' % (i % 3000, len(value),
                                                      value))
            file.write(b'get k%d\r\n' % (i * 7 % 3000))
            file.flush()
            line = file.readline()
            while True:
                answers[line[:6]] = answers.get(line[:6], 0) + 1
                if line.startswith(b'END'):
                    break
                if line.startswith(b'VALUE'):
                    answers['sum'] = answers.get('sum', 0) + sum(
                        file.read(int(line.split()[3]) + 2))
                line = file.readline()
    run.log.append(repr(sorted(answers.items(), key=str)))
    run.stop(server)


@row('node')
def node(run):
    run.write('t.js', r'''
        const { Worker, isMainThread, parentPort, workerData } =
            require('worker_threads');
        const crypto = require('crypto'), zlib = require('zlib');
        const sha = d => crypto.createHash('sha1').update(d).digest('hex');
        function work(seed) {
            let x = seed, m = new Map(), s = [];
            for (let i = 0; i < 60000; i++) {
                x = (Math.imul(x, 1103515245) + 12345) >>> 0;
                m.set('k' + (x >>> 16), { i, t: String(x).repeat(3) });
                if (i % 5 === 0) s.push(Buffer.alloc(x % 3000, i & 255));
            }
            const text = JSON.stringify([...m.entries()]);
            const packed = zlib.gzipSync(text, { level: 1 });
            return sha(text) + ' ' + sha(zlib.gunzipSync(packed)) + ' '
                + sha(Buffer.concat(s));
        }
        if (!isMainThread) {
            parentPort.postMessage(work(workerData));
        } else {
            console.log(work(1));
            Promise.all([2, 3, 4].map(workerData => new Promise((ok, no) =>
                new Worker(__filename, { workerData }).on('message', ok)
                    .on('error', no)))).then(all => {
                        console.log(all.join('\n'));
                        console.log(eval('(' + JSON.stringify({ a: 1 })
                            + ')').a);
                    });
        }''')
    run.sh('node t.js')


@row('java')
def java(run):
    run.write('T.java', r'''
        import java.nio.ByteBuffer;
        import java.util.*;
        import java.util.concurrent.*;
        import java.util.zip.*;

        public class T {
            static long work(int seed) throws Exception {
                Map<String, Long> map = new TreeMap<>();
                Random random = new Random(seed);
                CRC32 crc = new CRC32();
                for (int i = 0; i < 60000; i++)
                    map.merge("k" + random.nextInt(5000), (long) i,
                              Long::sum);
                for (int i = 0; i < 300; i++) {
                    ByteBuffer b = ByteBuffer.allocateDirect(
                        1 + random.nextInt(60000));
                    while (b.hasRemaining())
                        b.put((byte) i);
                    b.flip();
                    crc.update(b);
                    Deflater d = new Deflater();
                    d.setInput(new byte[10000]);
                    d.finish();
                    crc.update(d.deflate(new byte[100]));
                    d.end();
                }
                return crc.getValue() * 31 + map.hashCode();
            }

            public static void main(String[] args) throws Exception {
                ExecutorService pool = Executors.newFixedThreadPool(4);
                List<Future<Long>> all = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    int seed = i;
                    all.add(pool.submit(() -> work(seed)));
                }
                for (Future<Long> one : all)
                    System.out.println(one.get());
                pool.shutdown();
            }
        }''')
    run.sh('java -Xmx256m T.java')


@row('nginx', 'curl')
def nginx(run):
    words(run, 30000)
    run.write('nginx.conf', f'''
        daemon off; worker_processes 2; pid nginx.pid;
        error_log stderr warn;
        {"user nobody nogroup;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 64; }}
        http {{
            access_log off; gzip on; gzip_types *;
            client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
            uwsgi_temp_path u; scgi_temp_path s;
            server {{ listen unix:{run.dir}/up.sock; root {run.dir}; }}
            server {{
                listen unix:{run.dir}/web.sock;
                location / {{ proxy_pass http://unix:{run.dir}/up.sock; }}
                location /short {{ return 200 "short"; }}
            }}
        }}''')
    server = run.server('nginx', '-p', run.dir, '-c', 'nginx.conf',
                        ready='web.sock')
    get = 'curl -sS --max-time 20 --unix-socket web.sock'
    loop = f'''
        for i in $(seq 1 20); do
            {get} http://x/words | sha1sum
            {get} --compressed http://x/words | sha1sum
            {get} -r $((i * 1000))-$((i * 5000)) http://x/words | sha1sum
            {get} -o /dev/null -w '%{{http_code}}\\n' http://x/none-$i
        done | sort | uniq -c
        {get} http://x/short'''
    run.sh(loop)
    run.sh('kill -HUP $(cat nginx.pid); sleep 0.5')
    run.sh(loop)
    run.stop(server)


@row('z3')
def z3(run):
    # A puzzle with one answer, an arithmetic one with none, a hard-ish sum.
    queens = 11
    text = ''.join(f'(declare-const q{i} Int)\n(assert (<= 1 q{i} {queens}))\n'
                   for i in range(queens))
    for i in range(queens):
        for j in range(i):
            text += (f'(assert (distinct q{i} q{j}))'
                     f'(assert (distinct (- q{i} q{j}) {i - j} {j - i}))\n')
    text += '(check-sat)\n(get-model)\n(reset)\n'
    text += '''
        (declare-const a (_ BitVec 24)) (declare-const b (_ BitVec 24))
        (assert (= (bvmul a b) #x7f4a15)) (assert (bvugt a #x000100))
        (assert (bvult a b)) (assert (bvult b #x010000))
        (check-sat)
        (reset)
        (declare-fun f (Int) Int) (declare-const n Int)
        (assert (forall ((x Int)) (= (f (f x)) (+ x 1))))
        (assert (= (f n) 5)) (assert (= (f 5) n))
        (check-sat)\n'''
    run.write('t.smt2', text)
    run.sh('z3 rlimit=20000000 t.smt2')


@row('gs')
def ghostscript(run):
    run.write('t.ps', '''%!PS
        /Times-Roman findfont 14 scalefont setfont
        1 1 4 {
            /p exch def
            0 5 355 { gsave 300 400 translate rotate p 40 mul 0 moveto
                (memory manager page ) show p 1000 mul string pop
                grestore } for
            0 1 300 { dup 2 mul 20 moveto 30 add 700 lineto stroke } for
            newpath 100 100 moveto 500 700 400 100 500 p 100 mul curveto
            0.5 setgray fill 0 setgray showpage
        } for''')
    run.sh('''
        gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=png16m -r100 \\
            -dTextAlphaBits=4 -o page%d.png t.ps
        gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -o t.pdf t.ps
        gs -q -dNOPAUSE -dBATCH -sDEVICE=pgmraw -r72 -o t%d.pgm t.pdf
        sha1sum page?.png t?.pgm''')


@row('ffmpeg')
def ffmpeg(run):
    run.sh('''
        ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=320x240:d=3 \\
            -f lavfi -i sine=d=3 -threads 2 -c:v mpeg4 -c:a mp2 \\
            -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -y t.avi
        sha1sum t.avi
        ffmpeg -v error -nostdin -threads 2 -i t.avi -vf scale=200:150,hue=s=2 \\
            -fflags +bitexact -f framemd5 - | sha1sum''')


@row('xz', 'perl')
def xz(run):
    words(run, 150000)
    run.sh('''
        xz -k -T2 -2 --block-size=1MiB words
        sha1sum words.xz
        xz -dc -T2 words.xz | cmp - words
        head -c 2M words | xz -T2 -9 | xz -dc -T2 | sha1sum''')


@row('sort', 'perl')
def sort(run):
    words(run, 300000)
    run.sh('''
        sort --parallel=2 -S 64M words | sha1sum
        sort --parallel=2 -S 4M -k2,2 -k1,1n words | sha1sum
        sort --parallel=4 -S 64M -u -r -k3 words | sha1sum
        sort -R --random-source=words words | sha1sum''')


@row('bash', 'perl')
def bash(run):
    words(run, 5000)
    run.sh(r'''
        declare -A count; declare -a list
        while read -r n first rest; do
            count[$first]=$((${count[$first]:-0} + n))
            list+=("${rest// /-}")
        done <words
        for k in "${!count[@]}"; do echo "$k ${count[$k]}"; done | sort
        printf '%s\n' "${list[@]/slab/SLAB}" | sha1sum
        s=; for i in {1..20000}; do s+=$i,; done; echo ${#s}
        for i in {1..100}; do (x=$(printf '%*d' $i $i); echo "$x"); done |
            cat <(echo first) - | tail -n 3
        f() { local v=$1; ((v < 2)) && echo $v && return
              echo $(($(f $((v - 1))) + $(f $((v - 2))))); }
        f 9
        mapfile -t m <words; echo "${#m[@]} ${m[-1]}"
        [[ ${m[7]} =~ ([a-z]+)\ ([a-z]+) ]] && echo "${BASH_REMATCH[2]}"
    ''')


@row('vim', 'perl')
def vim(run):
    words(run, 4000)
    run.write('t.vim', r'''
        %s/\(\w\+\) \(\w\+\)$/\2 \1/e
        g/slab/m0
        sort n
        normal gg100ddGp
        let g:d = {}
        for l in getline(1, '$') | for w in split(l) | let g:d[w] = get(g:d, w) + 1 | endfor | endfor
        call append(0, map(sort(keys(g:d))[:50], {_, k -> k . '=' . g:d[k]}))
        undo
        redo
        v/e/d
        w! out
        qa!''')
    run.sh('vim -N -u NONE -i NONE -n -es -S t.vim words; '
           'wc -l <out; sha1sum out')


# It loads its extensions with RTLD_DEEPBIND.
@row('php', 'perl')
def php(run):
    words(run, 30000)
    run.write('t.php', r'''<?php
        foreach (get_loaded_extensions() as $e)
            count((new ReflectionExtension($e))->getFunctions()) >= 0 or die(1);
        $by = []; $all = [];
        foreach (file("words", FILE_IGNORE_NEW_LINES) as $line) {
            $w = preg_split('/ /', $line);
            $n = array_shift($w);
            foreach ($w as $x) $by[$x][] = (int)$n;
            $all[] = ["n" => $n, "w" => array_reverse($w),
                      "s" => str_repeat(strtoupper(implode(" ", $w)), 3)];
        }
        ksort($by);
        foreach ($by as $w => $n) echo "$w ", count($n), " ", array_sum($n), "\n";
        $copy = unserialize(serialize(json_decode(json_encode($all), true)));
        usort($copy, fn($a, $b) => [$a["s"], $a["n"]] <=> [$b["s"], $b["n"]]);
        echo hash("sha256", json_encode($copy)), "\n";
        for ($i = 0; $i < 20000; $i++) {
            $a = new stdClass; $b = new stdClass;
            $a->other = $b; $b->other = $a;
        }
        echo gc_collect_cycles() >= 0, ctype_digit("123"), "\n";
        try { new PDO("none:"); } catch (PDOException $e) { echo get_class($e), "\n"; }
        if (!($pid = pcntl_fork())) exit(count(array_unique($by["page"])) % 7);
        pcntl_waitpid($pid, $status);
        echo pcntl_wexitstatus($status), "\n";''')
    run.sh('php t.php')


# It has a malloc of its own, and looks whether it is alone in its process.
@row('chromium')
def chromium(run):
    run.write('t.html', '''<title>t</title><body><script>
        let words = [];
        for (let i = 0; i < 2e5; i++) words.push("w" + i * 7919 % 10007);
        let n = new Map();
        for (const w of words) n.set(w, (n.get(w) ?? 0) + 1);
        document.body.textContent =
            [...n].sort().slice(0, 9).join() + JSON.stringify([...n]).length;
        </script>''')
    run.sh(f'''chromium --headless --no-sandbox --disable-gpu --no-first-run \\
            --disable-background-networking --disable-component-update \\
            --user-data-dir={run.dir}/profile --dump-dom {run.dir}/t.html''')


@row('stress-ng', long=True)
def stress_ng(run):
    ops = run.scale(40000, 600000)
    run.sh(f'''
        stress-ng --malloc 2 --malloc-ops {ops} --malloc-bytes 1M \\
            --malloc-max 4096 --malloc-pthreads 2 --verify
        stress-ng --malloc 2 --malloc-ops {ops // 10} --malloc-bytes 64M \\
            --malloc-max 256 --verify''',
           timeout=run.scale(120, 1200), hide=[r'^stress-ng.*\n?'])
