import pytest

from nrdot.sample.files import ProcFiles
from nrdot.sample.host_files import HostFiles


@pytest.mark.parametrize("interrupts", [0, 3, 10_000, 100_000])
def test_the_machines_own_file_is_read_whole_however_much_it_has_grown(tmp_path, interrupts):
    (tmp_path / "uptime").write_text("12.50 3.00\n")
    (tmp_path / "stat").write_text("cpu  1 2 3 4\nprocesses 7\n")
    host = HostFiles(ProcFiles(tmp_path, 10))
    assert host.read() == (b"cpu  1 2 3 4\nprocesses 7\n", 12_500_000_000)
    grown = b"cpu  1 2 3 4\nintr" + b" 0" * interrupts + b"\nprocesses 8\n"
    (tmp_path / "stat").write_bytes(grown)
    assert [host.read()[0], host.read()[0]] == [grown, grown]
