"""What runs on each sample host: real services under load, and a crowd that makes it as full as a server is.

A host is a list of services. `real` ones are the programs themselves; the crowd are actors (programs/actor.c)
under names, command lines, users and units that servers have, most of them idle, as most processes are.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    unit: str
    command: tuple[str, ...]
    user: str = "root"
    actor: str | None = None  # how an actor behaves; None: a real program
    restart: bool = True


def real(unit: str, *command: str, user: str = "root") -> Service:
    return Service(unit, f"system.slice/{unit}.service", command, user)


def acting(name: str, line: str, behaviour: str, user: str = "root", unit: str = "") -> Service:
    where = unit or f"system.slice/{name}.service"
    return Service(name, where, tuple(line.split()), user, behaviour)


# real services

POSTGRES = (real("postgresql", "/srv/programs/postgres.sh", "HOME/postgres/data", user="postgres"),)


def postgres(rate: int, seed: int) -> tuple[Service, ...]:
    load = real("pgbench", "/srv/programs/pgbench.sh", str(rate), str(seed), user="postgres")
    return (*POSTGRES, load)


def nginx(rate: float, seed: int) -> tuple[Service, ...]:
    client = (
        "/usr/bin/python3",
        "/srv/programs/web_client.py",
        "http://127.0.0.1:8080/",
        str(rate),
        str(seed),
    )
    return real("nginx", "nginx", "-c", "HOME/nginx.conf"), real("web-client", *client, user="nobody")


def redis(requests: int, seed: int) -> tuple[Service, ...]:
    return (
        real("redis-server", "redis-server", "--port", "6379", "--save", "", user="redis"),
        real("redis-load", "/srv/programs/redis_load.sh", str(requests), str(seed), user="nobody"),
    )


def java(rate: float, seed: int) -> tuple[Service, ...]:
    shop = ("java", "-Xmx256m", "-XX:+UseSerialGC", "/srv/programs/Shop.java", "8081")
    client = (
        "/usr/bin/python3",
        "/srv/programs/web_client.py",
        "http://127.0.0.1:8081/",
        str(rate),
        str(seed),
    )
    return real("shop", *shop, user="daemon"), real("shop-client", *client, user="nobody")


def build(seed: int) -> tuple[Service, ...]:
    return (real("build-agent", "/srv/programs/build.sh", "HOME/daemon/build", str(seed), user="daemon"),)


def cron(seed: int) -> tuple[Service, ...]:
    return (real("cron", "/srv/programs/cron_jobs.sh", "HOME/backup/jobs", str(seed), user="backup"),)


def leaker(seed: int) -> tuple[Service, ...]:
    """Memory that only grows, until something ends it; then from the start."""
    behaviour = f"rss=8000,period=1000,burn=300,leak=350,life=1100,seed={seed}"
    return (acting("report-renderer", "/usr/bin/report-renderer --queue reports", behaviour, "daemon"),)


def restarter(seed: int) -> tuple[Service, ...]:
    """A service that ends a few times an hour, and one that ends all the time."""
    return (
        acting("sync-agent", "/usr/sbin/sync-agent", f"rss=6000,period=500,burn=500,life=240,seed={seed}"),
        acting("licence-check", "/opt/vendor/licence-check -f", f"rss=3000,life=45,seed={seed + 1}"),
    )


def bursts(seed: int, count: int = 3) -> tuple[Service, ...]:
    names = ("thumbnailer", "indexer", "log-shipper", "mail-filter", "search-node", "etl-runner")
    return tuple(
        acting(
            name,
            f"/usr/bin/{name} --foreground",
            "rss=20000,threads=4,period=500,burn=600,write=8192,"
            f"every={240 + 60 * place},lasting={30 + 10 * place},harder=120,seed={seed + place}",
            "daemon",
        )
        for place, name in enumerate(names[:count])
    )


# the crowd: (name, command line, user, how many on a full host, behaviour)

# Memory is a quarter and CPU a fifth of what such programs take, so that seven hosts fit on one machine whose
# real services, too, do a part of the work that a machine of their own would let them do.
CROWD: tuple[tuple[str, str, str, int, str], ...] = (
    (
        "systemd-journald",
        "/lib/systemd/systemd-journald",
        "root",
        1,
        "rss=3500,period=2000,burn=80,write=4096",
    ),
    ("systemd-udevd", "/lib/systemd/systemd-udevd", "root", 1, "rss=1500"),
    ("systemd-logind", "/lib/systemd/systemd-logind", "root", 1, "rss=1250"),
    (
        "systemd-resolved",
        "/lib/systemd/systemd-resolved",
        "systemd-network",
        1,
        "rss=2250,period=5000,burn=40",
    ),
    (
        "systemd-timesyncd",
        "/lib/systemd/systemd-timesyncd",
        "systemd-timesync",
        1,
        "rss=1000,period=30000,burn=40",
    ),
    (
        "dbus-daemon",
        "/usr/bin/dbus-daemon --system --nofork",
        "messagebus",
        1,
        "rss=875,period=4000,burn=40",
    ),
    (
        "rsyslogd",
        "/usr/sbin/rsyslogd -n -iNONE",
        "root",
        1,
        "rss=1250,threads=3,period=3000,burn=60,write=4096",
    ),
    ("sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", "root", 1, "rss=1500"),
    ("chronyd", "/usr/sbin/chronyd -F 1", "root", 1, "rss=750,period=16000,burn=20"),
    ("polkitd", "/usr/lib/polkit-1/polkitd --no-debug", "polkitd", 1, "rss=1750,threads=2"),
    ("containerd", "/usr/bin/containerd", "root", 1, "rss=10000,threads=9,period=1000,burn=180"),
    (
        "dockerd",
        "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
        "root",
        1,
        "rss=15000,threads=12,period=2000,burn=180",
    ),
    ("containerd-shim", "/usr/bin/containerd-shim-runc-v2 -namespace moby", "root", 24, "rss=1250,threads=4"),
    ("node_exporter", "/usr/bin/node_exporter", "nobody", 1, "rss=3750,threads=5,period=15000,burn=3000"),
    (
        "fail2ban-server",
        "/usr/bin/python3 /usr/bin/fail2ban-server -xf start",
        "root",
        1,
        "rss=4500,period=1000,burn=50",
    ),
    ("master", "/usr/lib/postfix/sbin/master -w", "root", 1, "rss=1000"),
    ("pickup", "pickup -l -t unix -u -c", "root", 1, "rss=1000,period=60000,burn=30"),
    ("qmgr", "qmgr -l -t unix -u", "root", 1, "rss=1050"),
    ("php-fpm8.2", "php-fpm: pool www", "www-data", 32, "rss=4000"),
    ("gunicorn", "/srv/app/venv/bin/python /srv/app/venv/bin/gunicorn shop.wsgi", "www-data", 20, "rss=4500"),
    ("celery", "/srv/app/venv/bin/python -m celery -A shop worker", "daemon", 16, "rss=4500"),
    ("node", "node /srv/app/server.js", "www-data", 8, "rss=7500,threads=10"),
    ("node", "node /srv/mailer/queue.js", "daemon", 3, "rss=7500,threads=10,period=1000,burn=100"),
    (
        "beam.smp",
        "/usr/lib/erlang/erts/bin/beam.smp -W w -MBas ageffcbf",
        "daemon",
        1,
        "rss=12500,threads=20,period=500,burn=300",
    ),
    (
        "memcached",
        "/usr/bin/memcached -m 64 -p 11211",
        "nobody",
        1,
        "rss=7500,threads=9,period=1000,burn=30",
    ),
    (
        "haproxy",
        "/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg",
        "daemon",
        2,
        "rss=3000,period=500,burn=180",
    ),
    (
        "etcd",
        "/usr/bin/etcd --name default",
        "daemon",
        1,
        "rss=8000,threads=9,period=500,burn=200,write=8192",
    ),
    (
        "consul",
        "/usr/bin/consul agent -config-dir=/etc/consul.d",
        "daemon",
        1,
        "rss=8000,threads=9,period=1000,burn=240",
    ),
    ("vault", "/usr/bin/vault server -config=/etc/vault.d", "daemon", 1, "rss=8000,threads=9"),
    (
        "telegraf",
        "/usr/bin/telegraf --config /etc/telegraf/telegraf.conf",
        "nobody",
        1,
        "rss=6500,threads=8,period=10000,burn=2400",
    ),
    (
        "filebeat",
        "/usr/share/filebeat/bin/filebeat -e",
        "root",
        1,
        "rss=6500,threads=8,period=1000,burn=100,write=4096",
    ),
    ("atd", "/usr/sbin/atd -f", "daemon", 1, "rss=375"),
    ("agetty", "/sbin/agetty -o -p -- \\u --noclear tty1 linux", "root", 6, "rss=300"),
    ("smartd", "/usr/sbin/smartd -n", "root", 1, "rss=1000"),
    ("irqbalance", "/usr/sbin/irqbalance --foreground", "root", 1, "rss=625,period=10000,burn=80"),
    ("snmpd", "/usr/sbin/snmpd -LOw -f", "nobody", 1, "rss=1500,period=5000,burn=60"),
    (
        "unattended-upgr",
        "/usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown",
        "root",
        1,
        "rss=3500",
    ),
    ("named", "/usr/sbin/named -f -u bind", "daemon", 1, "rss=6000,threads=6,period=2000,burn=60"),
    ("slapd", "/usr/sbin/slapd -h ldap:/// -F /etc/ldap/slapd.d", "daemon", 1, "rss=4000,threads=3"),
    ("vsftpd", "/usr/sbin/vsftpd /etc/vsftpd.conf", "root", 1, "rss=625"),
    ("smbd", "/usr/sbin/smbd --foreground --no-process-group", "root", 6, "rss=2250"),
    ("nfsdcld", "/usr/sbin/nfsdcld", "root", 1, "rss=375"),
    ("rpcbind", "/sbin/rpcbind -f -w", "root", 1, "rss=500"),
    ("openvpn", "/usr/sbin/openvpn --config server.conf", "nobody", 1, "rss=1250,period=10000,burn=40"),
    ("dovecot", "/usr/sbin/dovecot -F", "root", 1, "rss=750"),
    ("imap-login", "dovecot/imap-login", "daemon", 20, "rss=1000"),
    ("imap", "dovecot/imap", "mail", 24, "rss=1125"),
    ("puppet", "/usr/bin/ruby /usr/bin/puppet agent --no-daemonize", "root", 1, "rss=9000,threads=2"),
    ("zabbix_agentd", "/usr/sbin/zabbix_agentd: listener #1", "nobody", 5, "rss=875,period=20000,burn=80"),
    ("rabbitmq-server", "/bin/sh /usr/sbin/rabbitmq-server", "daemon", 1, "rss=450"),
    ("epmd", "/usr/bin/epmd -daemon", "daemon", 1, "rss=375"),
    (
        "sidekiq",
        "sidekiq 7.2.4 shop [0 of 10 busy]",
        "daemon",
        4,
        "rss=7500,threads=12,period=2000,burn=300",
    ),
    ("puma", "puma: cluster worker 0: shop", "www-data", 8, "rss=7000,threads=6"),
    ("uwsgi", "/usr/bin/uwsgi --ini /etc/uwsgi/apps-enabled/shop.ini", "www-data", 12, "rss=3500"),
    ("varnishd", "/usr/sbin/varnishd -a :6081 -F", "nobody", 2, "rss=6000,threads=20,period=1000,burn=80"),
    ("bash", "-bash", "daemon", 8, "rss=875"),
    ("tmux", "tmux new-session -s work", "daemon", 3, "rss=625"),
    ("vim", "vim deploy.yaml", "daemon", 2, "rss=1750"),
    ("ssh-agent", "ssh-agent", "daemon", 3, "rss=300"),
    ("sftp-server", "/usr/lib/openssh/sftp-server", "daemon", 4, "rss=500"),
    ("gpg-agent", "/usr/bin/gpg-agent --supervised", "daemon", 2, "rss=375"),
    ("certbot", "/usr/bin/python3 /usr/bin/certbot renew -q", "root", 1, "rss=5500"),
    ("collectd", "/usr/sbin/collectd -f", "nobody", 1, "rss=2250,threads=10,period=10000,burn=500"),
    ("monit", "/usr/bin/monit -I", "root", 1, "rss=1000,period=30000,burn=600"),
    ("keepalived", "/usr/sbin/keepalived --dont-fork", "root", 2, "rss=1000,period=1000,burn=20"),
)


def crowd(count: int, seed: int, *, steady: bool = False) -> tuple[Service, ...]:
    """`count` actors: one of each name first, then more of those that hosts have many of."""
    chance = random.Random(seed)
    places = list(range(len(CROWD)))
    many = [place for place in places if CROWD[place][3] > 1]
    weights = [CROWD[place][3] - 1 for place in many]
    chosen = places[:count] + chance.choices(many, weights, k=max(count - len(places), 0))
    return tuple(_one(place, seed * 1000 + number, steady=steady) for number, place in enumerate(chosen))


def _one(place: int, seed: int, *, steady: bool) -> Service:
    name, line, user, many, behaviour = CROWD[place]
    chance = random.Random(seed)
    unit = (
        "user.slice/user-1000.slice/session-3.scope" if name in {"bash", "tmux", "vim", "ssh-agent"} else ""
    )
    # Of a pool of workers a few are at work, and now and then one has a rush of requests.
    if many > 4 and "period" not in behaviour and chance.random() < 0.15 and name not in {"bash", "agetty"}:
        behaviour += f",period={chance.choice((500, 1000, 4000))},burn={chance.choice((40, 120, 400))}"
        if not steady and chance.random() < 0.3:
            behaviour += f",every={chance.randint(200, 900)},lasting={chance.randint(15, 60)},harder=60"
    return acting(name, line, f"{behaviour},seed={seed}", user, unit)


@dataclass(frozen=True, slots=True)
class Mix:
    host: str
    about: str
    services: tuple[Service, ...]

    def document(self) -> dict[str, Any]:
        return asdict(self)


MIXES = {
    mix.host: mix
    for mix in (
        Mix(
            "sample-host-1",
            "web shop: PostgreSQL, nginx, cron jobs, 290 others",
            (*postgres(40, 11), *nginx(12, 12), *cron(13), *crowd(290, 14)),
        ),
        Mix(
            "sample-host-2",
            "Redis, Java, a leak, restarts, bursts, 290 others",
            (*redis(3000, 21), *java(8, 22), *leaker(23), *restarter(24), *bursts(26), *crowd(290, 29)),
        ),
        Mix(
            "sample-host-3",
            "build machine: builds, cron jobs, bursts, a leak, 110 others",
            (*build(31), *cron(32), *bursts(33, 4), *leaker(38), *crowd(110, 39)),
        ),
        Mix(
            "sample-host-4",
            "PostgreSQL, Redis, nginx, cron jobs, bursts, 295 others",
            (*postgres(25, 41), *redis(2000, 42), *nginx(6, 43), *cron(44), *bursts(45, 5), *crowd(295, 50)),
        ),
        Mix(
            "sample-host-5",
            "Java, nginx, builds, restarts, a leak, 170 others",
            (*java(12, 51), *nginx(9, 52), *build(53), *restarter(54), *leaker(56), *crowd(170, 57)),
        ),
        Mix(
            "sample-host-6",
            "steady: nginx, Java and 300 others that do the same all the time",
            (*nginx(15, 0), *java(10, 0), *crowd(300, 62, steady=True)),
        ),
        Mix("sample-host-7", "small: 68 processes of 65 names", (*crowd(65, 71), *crowd(2, 72))),
    )
}
