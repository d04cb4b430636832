"""What a runtime runs, where real command lines are odd; the usual ones are in test_real_command_lines."""

from __future__ import annotations

import pytest

from nrdot.score.subject import SUBJECT_LIMIT, subject
from nrdot.testing.stages.scoring import process


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("java", ""),
        ("java -version", ""),
        ("java -jar", ""),
        ("java -cp", ""),
        ("java @/etc/args Main", "Main"),
        ("java -p lib -m shop/com.shop.Main x", "com.shop.Main"),
        ("java -m shop x", "shop"),
        ("java -agentlib:jdwp=x -Da=b -cp c com.x.Main -jar not.jar", "com.x.Main"),
        ("/usr/bin/jsvc -user tomcat -pidfile /run/t.pid -cp x org.apache.catalina.startup.Bootstrap",
         "org.apache.catalina.startup.Bootstrap"),
        ("python", ""),
        ("python3 -", ""),
        ("python3 -c print(1)", ""),
        ("python3 -uc print(1)", ""),
        ("python3 -X utf8 -W ignore -um http.server 80", "http.server"),
        ("python3 -Wm /opt/x/jobs.py", "jobs.py"),
        ("python3 -IOO -- /opt/x/jobs.py", "jobs.py"),
        ("python3 /opt/report/__main__.py", "report/__main__.py"),
        ("python3 /tmp/main.py", "main.py"),
        ("python3 /tmp/a8f9e1c3/main.py", "main.py"),
        ("node --import tsx /srv/shop/src/server.ts", "shop/server.ts"),
        ("node --inspect=0.0.0.0:9229 .", ""),
        ("/usr/bin/node --title=x /app/w.js", "w.js"),
        ("ruby -Ilib -r json /opt/r.rb", "r.rb"),
        ("ruby /usr/local/bin/bundle exec puma -C config/puma.rb", "puma"),
        ("perl -MList::Util=sum /opt/x.pl", "x.pl"),
        ("perl -ne print", ""),
        ("php -d memory_limit=1G -f /opt/x.php", "x.php"),
        ("php -S 0.0.0.0:80 router.php", ""),
        ("php /var/www/shop/bin/console messenger:consume async", "shop/console"),
        ("dotnet exec --runtimeconfig r.json /app/Shop.dll", "Shop.dll"),
        ("mono /opt/x/Shop.exe", "Shop.exe"),
        ("deno run --allow-net /app/shop.ts", "shop.ts"),
        ("bun /app/shop.ts", "shop.ts"),
        ("/usr/lib/R/bin/exec/R --no-echo --no-restore --file=/opt/r/model.R", "model.R"),
        ("bash -x /opt/x/night.sh", "night.sh"),
        ("bash -o noclobber /opt/x/night.sh", "night.sh"),
        ("sh -ec true", ""),
        ("sh -s", ""),
        ("busybox httpd -f", "httpd"),
        ("lua5.4 /opt/x.lua", "x.lua"),
        ("qemu-system-aarch64 -M virt", ""),
        ("/usr/bin/kvm -id 100 -name vm-100,debug-threads=on", "vm-100"),
        (r"C:\jdk\bin\java.exe -jar C:\srv\shop\app.jar", "shop/app.jar"),
        ("java --module shop/com.shop.Main x", "com.shop.Main"),
        ("hadoop", ""),
        ("java -cp c org.apache.hadoop.util.RunJar a.jar com.x.Job b.jar", "com.x.Job"),
        ("java -cp c org.apache.hadoop.util.RunJar com.x.Job", "com.x.Job"),
        ("python3 -m", ""),
        ("python3 /srv/.hidden.py", "hidden.py"),
        ("node --eval x /opt/x.js", ""),
        ("node -e x /opt/x.js", ""),
        ("node -p x /opt/x.js", ""),
        ("node --print x /opt/x.js", ""),
        ("node -pe x /opt/x.js", ""),
        ("node -", ""),
        ("node - /opt/x.js", ""),
        ("node -- /opt/x.js", "x.js"),
        ("ruby -e x /opt/r.rb", ""),
        ("ruby /opt/r.rb exec puma", "r.rb"),
        ("ruby bundle exec", "bundle"),
        ("ruby bundle exec puma", "puma"),
        ("ruby bundle install puma", "bundle"),
        ("perl /opt/x.pl -e", "x.pl"),
        ("php -f /opt/x.php y", "x.php"),
        ("php y /opt/x.php -f", "y"),
        ("php -r x y", ""),
        ("php --run x y", ""),
        ("php --server x y", ""),
        ("bash --norc /opt/x/night.sh", "night.sh"),
        ("bash --rcfile /etc/rc /opt/x/night.sh", "night.sh"),
        ("bash +x /opt/x/night.sh", "night.sh"),
        ("bash +eo pipefail /opt/x/night.sh", "night.sh"),
        ("bash --noprofile --init-file x /opt/x/night.sh", "night.sh"),
        ("dotnet run Shop.dll", "Shop.dll"),
        ("dotnet watch run Shop.dll", "Shop.dll"),
        ("deno run -c deno.json /app/shop.ts", "shop.ts"),
        ("deno run", ""),
        ("deno eval -e x", ""),
        ("deno", ""),
        ("bun -e x shop.ts", ""),
        ("bun --eval x shop.ts", ""),
        ("deno --import-map m.json shop.ts", "shop.ts"),
        ("beam.smp -- -s shop x", "shop"),
        ("beam.smp -- -s elixir start_cli -name shop@host", "shop"),
        ("beam.smp -- -s -x -sname queue@host -name other@host", "queue"),
        ("beam.smp -- -root /usr/lib/erlang", ""),
        ("qemu-system-x86_64 -name guest=web,debug-threads=on,x", "web"),
        ("R --file=/opt/r/model.R", "model.R"),
        ("R -f /opt/r/model.R", ""),
        ("R -g Tk -e x", ""),
        ("Rscript /opt/r/model.R", "model.R"),
        ("lua -l json /opt/x.lua", "x.lua"),
        ("julia -L setup.jl /opt/x.jl", "x.jl"),
        ("racket -r setup.rkt /opt/x.rkt", "x.rkt"),
        ("lua -e x /opt/x.lua", ""),
        ("julia --eval x /opt/x.jl", ""),
        ("gjs -c x /opt/x.js", ""),
        ("/usr/sbin/nginx -g daemon off;", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_subject_is_found_or_left_empty(line: str, runs: str) -> None:
    assert subject(process(line)) == runs


def test_a_runtime_that_gave_itself_a_title_is_what_the_title_begins_with() -> None:
    assert subject(process("gunicorn: master [shop]", executable="/usr/bin/python3.11")) == "gunicorn"
    assert subject(process("next-server (v14.1)", executable="/usr/local/bin/node")) == "next-server"


def test_a_kernel_thread_runs_nothing() -> None:
    assert subject(process("python3 x.py", kernel="yes")) == ""


def test_a_subject_is_bounded() -> None:
    assert len(subject(process("python3 /x/" + "y" * 4000 + ".py"))) == SUBJECT_LIMIT
