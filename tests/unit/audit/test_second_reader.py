"""The shell program of docs/audit.md: whoever reads only that page can prove a chain."""

import re
import subprocess

PAGE = "docs/audit.md"


def second_reader(kept, root):
    (program,) = re.findall(
        r"```sh\s[^\n]*test_second_reader[^\n]*\n(.*?)```", (root / PAGE).read_text(), re.DOTALL
    )
    done = subprocess.run(
        ["sh", "-c", program], cwd=kept.directory, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_page_proves_a_whole_trail_and_finds_a_broken_one(kept, request):
    root = request.config.rootpath
    kept.append(4, user='Köln \\ "x"', previous_value={"a": None})
    assert second_reader(kept, root) == ""

    (piece,) = kept.files()
    piece.write_bytes(piece.read_bytes().replace(b'"value":2', b'"value":7'))
    assert second_reader(kept, root).startswith('broken: {"change_type"')
