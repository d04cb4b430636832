"""What a language runtime runs: `java -jar shop.jar` is shop.jar, `python3 -m http.server` is http.server.

A runtime's own name says nothing about what matters, so roll-ups and classes ask for its subject. The answer
is a basename, a module or a class, never a path: paths hold versions and temporary names that would split
groups. Where a basename says nothing either (index.js, main.py), the folder above it is put before it.

Arguments come joined by spaces, as the agent keeps them; one that holds a space itself may be misread, and
then the subject is empty or odd, never an error.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nrdot.batch import Identity

    Arguments = list[str]

SUBJECT_LIMIT: Final = 128  # characters
_VERSION = re.compile(r"[-_]?\d[\d.]*$")
_FOLDER = re.compile(r"[A-Za-z][A-Za-z._-]{2,}\d{0,2}")
_PYTHON_MODULE = re.compile(r"-[a-zA-VY-Z]*m")
_PYTHON_INLINE = re.compile(r"-([a-zA-VY-Z]*c)?")
_PERL_INLINE = re.compile(r"-[a-lnp-zA-HJ-LN-Z0]*[eE].*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Basenames and folders that many services share.
_COMMON_FILES: Final = _words(
    "__main__ app application artisan boot bootstrap cli console default index init launch launcher main"
    " manage run runner serve server service start startup worker www"
)
_COMMON_FOLDERS: Final = _words(
    "app apps application bin build code cmd current data dist deploy deployments etc exec home html http"
    " lib lib64 libexec local opt out output project public release releases root run sbin script scripts"
    " server share site source src srv target temp tmp usr user users var web work workspace workdir www"
)

# Options that take the next argument as their value.
_JAVA_VALUES: Final = _words(
    "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --limit-modules"
    " --add-exports --add-opens --add-reads --patch-module --enable-native-access --source"
    " -java-home -home -user -pidfile -outfile -errfile -procname -wait"  # jsvc
)
_PYTHON_VALUES: Final = _words("-W -X -Q --check-hash-based-pycs")
_NODE_VALUES: Final = _words(
    "-r --require --import --loader --experimental-loader -C --conditions --title --env-file --icu-data-dir"
    " --openssl-config --trace-event-categories --watch-path"
)
_RUBY_VALUES: Final = _words("-I -r -C -E -F -T -W --encoding --external-encoding")
_PERL_VALUES: Final = _words("-I -F")
_PHP_VALUES: Final = _words("-d -c -z -t --define --php-ini --docroot")
_SHELL_VALUES: Final = _words("-o +o -O +O --rcfile --init-file")
_DOTNET_VALUES: Final = _words(
    "--runtimeconfig --depsfile --additionalprobingpath --additional-deps --fx-version --roll-forward"
)
_DENO_VALUES: Final = _words("-r --require -c --config --import-map")

_HADOOP_LAUNCHER: Final = "org.apache.hadoop.util.RunJar"  # its arguments name what really runs
_BEAM_STARTERS: Final = _words("elixir init shell application user erl_boot_server logger")


def subject(identity: Identity) -> str:
    """What the process runs where its program is a language runtime or an interpreter; else empty."""
    if identity.kernel or not identity.command_line:
        return ""
    find = _runtime(identity.command)
    if find:
        return find(identity.command_line.split()[1:])[:SUBJECT_LIMIT]
    if identity.command and (_runtime(identity.executable) or _runtime(identity.name)):
        return started_as(identity.command)[:SUBJECT_LIMIT]  # it gave itself a title
    return ""


def _runtime(program: str) -> Callable[[Arguments], str] | None:
    name = stem(base(program))
    return _qemu if name.startswith("qemu-system-") else _RUNTIMES.get(name)


def started_as(command: str) -> str:
    """The program in argv[0]: the last part of a path, the first word of a title such as `nginx: worker`."""
    word = command if command.startswith(("/", "./", "../")) else command.partition(" ")[0]
    return base(word).lstrip("-(").rstrip(":)")


def base(path: str) -> str:
    """The last part of a Unix or Windows path."""
    return path.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]


def stem(name: str) -> str:
    """A program's name without its version: python3.11 is python, php8.2 is php."""
    folded = name.lower().removesuffix(".exe")
    return _VERSION.sub("", folded) or folded


def _named(path: str) -> str:
    """The basename, after its folder where it says nothing by itself."""
    parts = path.replace("\\", "/").split("/")
    name = parts[-1].removeprefix(".")
    if name.partition(".")[0].lower() in _COMMON_FILES:
        for folder in reversed(parts[:-1]):
            if _FOLDER.fullmatch(folder) and folder.lower() not in _COMMON_FOLDERS:
                return f"{folder}/{name}"
    return name


def _first(arguments: Arguments, values: frozenset[str]) -> int:
    """Where the first argument stands that is neither an option nor an option's value."""
    at = 0
    while at < len(arguments) and arguments[at][:1] in ("-", "+") and arguments[at] not in ("-", "--"):
        at += 2 if arguments[at] in values else 1
    return at + 1 if at < len(arguments) and arguments[at] == "--" else at


def _script(arguments: Arguments, values: frozenset[str], inline: Iterable[str] = ()) -> str:
    """The script of an interpreter; empty for code given on the command line or on standard input."""
    at = _first(arguments, values)
    if at >= len(arguments) or arguments[at] == "-" or any(word in inline for word in arguments[:at]):
        return ""
    return _named(arguments[at])


def _java(arguments: Arguments) -> str:
    at = 0
    while at < len(arguments):
        word = arguments[at]
        after = arguments[at + 1] if at + 1 < len(arguments) else ""
        if word == "-jar":
            return _named(after)
        if word in ("-m", "--module"):
            return after.rpartition("/")[2]
        if not word.startswith(("-", "@")):
            inner = [text for text in arguments[at + 1 :] if not text.endswith(".jar")]
            return inner[0] if word == _HADOOP_LAUNCHER and inner else word
        at += 2 if word in _JAVA_VALUES else 1
    return ""


def _python(arguments: Arguments) -> str:
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if not word.startswith("-"):
            return _named(word)
        if _PYTHON_MODULE.fullmatch(word):
            return arguments[at + 1] if at + 1 < len(arguments) else ""
        if _PYTHON_INLINE.fullmatch(word):
            return ""
        at += 2 if word in _PYTHON_VALUES else 1
    return ""


def _node(arguments: Arguments) -> str:
    return _script(arguments, _NODE_VALUES, ("-e", "--eval", "-p", "--print", "-pe"))


def _ruby(arguments: Arguments) -> str:
    name = _script(arguments, _RUBY_VALUES, ("-e",))
    rest = arguments[_first(arguments, _RUBY_VALUES) + 1 :]
    return _named(rest[1]) if name == "bundle" and len(rest) > 1 and rest[0] == "exec" else name


def _perl(arguments: Arguments) -> str:
    at = _first(arguments, _PERL_VALUES)
    inline = any(_PERL_INLINE.fullmatch(word) for word in arguments[:at])
    return "" if inline else _script(arguments, _PERL_VALUES)


def _php(arguments: Arguments) -> str:
    if "-f" in arguments[:-1]:
        return _named(arguments[arguments.index("-f") + 1])
    return _script(arguments, _PHP_VALUES, ("-r", "-S", "--run", "--server"))


def _shell(arguments: Arguments) -> str:
    at = _first(arguments, _SHELL_VALUES)
    options = [word for word in arguments[:at] if word[:1] in "-+" and word[:2] != "--"]
    if any("c" in word for word in options):
        return ""
    if options and options[-1].endswith("o") and options[-1] not in _SHELL_VALUES:
        at += 1  # `-euo pipefail script`: the name of an option stands between
    return _named(arguments[at]) if at < len(arguments) else ""


def _dotnet(arguments: Arguments) -> str:
    words = [word for word in arguments if word not in ("exec", "run", "watch")]
    return _script(words, _DOTNET_VALUES)


def _subcommand(arguments: Arguments) -> str:
    """Deno and Bun: a script, with or without `run` before it."""
    if arguments[:1] == ["eval"]:
        return ""
    words = arguments[1:] if arguments[:1] == ["run"] else arguments
    return _script(words, _DENO_VALUES, ("-e", "--eval"))


def _beam(arguments: Arguments) -> str:
    """The application that an Erlang or Elixir machine was started for, else its node name."""
    node = ""
    for word, after in pairwise(arguments):
        if word == "-s" and after not in _BEAM_STARTERS and not after.startswith("-"):
            return after
        if word in ("-name", "-sname") and not node:
            node = after.partition("@")[0]
    return node


def _qemu(arguments: Arguments) -> str:
    """The name of the virtual machine."""
    for word, after in pairwise(arguments):
        if word == "-name":
            return after.partition(",")[0].removeprefix("guest=")
    return ""


def _r(arguments: Arguments) -> str:
    for word in arguments:
        if word.startswith("--file="):
            return _named(word.removeprefix("--file="))
    return _script(arguments, _words("-f -g -e"))


def _plain(arguments: Arguments) -> str:
    return _script(arguments, _words("-l -L -r"), ("-e", "--eval", "-c"))


_RUNTIMES: Final[dict[str, Callable[[Arguments], str]]] = {
    **dict.fromkeys(_words("java javaw jsvc jsvc.exec"), _java),
    **dict.fromkeys(_words("python pypy pythonw python3-dbg platform-python"), _python),
    **dict.fromkeys(_words("node nodejs electron"), _node),
    **dict.fromkeys(_words("ruby jruby truffleruby"), _ruby),
    **dict.fromkeys(_words("perl"), _perl),
    **dict.fromkeys(_words("php php-cgi hhvm"), _php),
    **dict.fromkeys(_words("sh bash dash zsh ksh mksh ash fish busybox"), _shell),
    **dict.fromkeys(_words("dotnet mono mono-sgen"), _dotnet),
    **dict.fromkeys(_words("deno bun"), _subcommand),
    **dict.fromkeys(_words("beam.smp beam erlexec"), _beam),
    **dict.fromkeys(_words("r rscript"), _r),
    **dict.fromkeys(_words("qemu-kvm kvm"), _qemu),
    **dict.fromkeys(
        ("lua", "luajit", "tclsh", "wish", "expect", "guile", "julia", "gjs", "racket", "sbcl"), _plain
    ),
}
