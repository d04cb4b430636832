"""Secrets in command lines do not leave the host (fault 52)."""

from __future__ import annotations

import pytest

from nrdot.encode.redact import STARS, CommandLines, redact

SECRET = "hunter2-XyZ"


@pytest.mark.parametrize(
    "line",
    [
        f"app --password={SECRET}",
        f"app --password {SECRET}",
        f"app --db-password={SECRET} --verbose",
        f'app --password="{SECRET} more words"',
        f"app -Dspring.datasource.password={SECRET}",
        f"app --api-key {SECRET}",
        f"app --api_key={SECRET}",
        f"app --access-token={SECRET}",
        f"app token={SECRET}",
        f"app DB_PASSWORD={SECRET} start",
        f"app --client-secret={SECRET}",
        f"app --secret-key {SECRET}",
        f"postgres://user:{SECRET}@db.example:5432/app",
        f"redis-server redis://:{SECRET}@cache:6379",
        f"curl -u user:{SECRET} https://example.test/",
        f"curl --user user:{SECRET} https://example.test/",
        f"curl https://example.test/?access_token={SECRET}&x=1",
        f"mysql -u root -p{SECRET} shop",
        f"mysqldump --single-transaction -p{SECRET} shop",
        f"redis-cli -h cache -a {SECRET} ping",
        f"sshpass -p {SECRET} ssh host",
        f"sshpass -p{SECRET} ssh host",
        f"ldapsearch -x -w {SECRET} -b dc=example",
        f"app -H 'Authorization: Bearer {SECRET}'",
        f"app --header Authorization:Basic {SECRET}",
        f"app --cookie {SECRET}",
        f"app --connection-string {SECRET}",
        f"app AccountKey={SECRET};EndpointSuffix=core",
        f"curl -H Authorization: token {SECRET} https://example.test/",
        f"curl -H 'authorization: ApiKey {SECRET}'",
        f"curl -H Cookie: session=1; sid={SECRET} https://example.test/",
        f"curl -uuser:{SECRET} https://example.test/",
        f"curl -sSu user:{SECRET} https://example.test/",
        f'app {{"user": "a", "password": "{SECRET}"}}',
        f'app {{"password":"x\\"{SECRET}"}}',
        f"postgres://user:p@{SECRET}@db.example/app",
        f"git clone https://{SECRET}@git.example/app",
        f"mongosh -u admin -p {SECRET}",
        f"/usr/bin/mongo -u admin -p {SECRET}",
        f"timeout 60 mongodump -p {SECRET}",
        f"app authorization=Token -{SECRET}",
        f"docker login -u me -p {SECRET} registry.example",
    ],
)
def test_what_a_name_or_a_place_gives_away_as_secret_is_taken_out(line):
    clean = redact(line)
    assert SECRET not in clean
    assert "****" in clean


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "xoxb-123456789012-abcdefghijkl",
        "glpat-abcdefghijklmnopqrst",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s5yMYnHgTQkU6o4aJmZkqg",
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "sk-abcdefghijklmnopqrstuvwx0123",
        "sk_live_abcdefghijklmnop",
        "AIzaSyA0123456789abcdefghijABCDEFGHIJ0",
        "hvs.CAESIJ0123456789abcdefghij",
    ],
)
def test_what_looks_like_a_credential_is_taken_out_wherever_it_stands(secret):
    assert secret not in redact(f"worker --id 7 {secret} --fast")


def test_a_private_key_is_taken_out_to_its_end():
    assert "MIIE" not in redact("app -----BEGIN RSA PRIVATE KEY----- MIIEpAIBAAKCAQEA")


@pytest.mark.parametrize(
    "line",
    [
        "nginx: worker process",
        "/usr/bin/java -Xmx2g -jar app.jar --server.port=8080",
        "python3 -m http.server 8000",
        "postgres -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf",
        "ssh -p 2222 host uptime",
        "tar -xpf archive.tar",
        "monkey --keyboard-layout=us",
        "git commit --author somebody",
        "git clone ssh://git@git.example/app",
        "mongod --port 27017 --dbpath /data/db",
        "docker run -p 80:80 nginx",
        "docker run --name mongo -p 27017:27017 mongo",
        "/opt/sk-orders-of-the-eastern-region/bin/worker",
        "npm_config_of_some_package_that_is_long",
        "curl --user-agent=Some:thing http://h.example/",
        "curl --url https://example.test:8443/a",
    ],
)
def test_what_is_no_secret_stays(line):
    assert redact(line) == line


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        (f"app -Dauthorization={SECRET} --listen 80", " --listen 80"),
        (f"sh -c 'cookie={SECRET}; exec server'", "; exec server'"),
    ],
)
def test_what_stands_behind_a_header_stays(line, rest):
    assert redact(line).endswith(STARS + rest)


def test_the_number_of_stars_does_not_tell_the_length_of_a_secret():
    assert redact("app --password=a") == redact("app --password=abcdefghijklmnop")


def test_what_was_redacted_once_is_redacted_for_good():
    line = f"app --password={SECRET} postgres://u:{SECRET}@h/db"
    assert redact(redact(line)) == redact(line)


def test_patterns_of_the_configuration_are_taken_out_as_well_and_long_lines_are_cut():
    lines = CommandLines((r"customer-\d+",), longest=20)
    assert lines("worker customer-4711 " + "x" * 100) == "worker **** xxxxxxxx"
