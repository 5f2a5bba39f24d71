"""`neuromm doctor`: each thing that can be wrong is named with its mend."""

import io
import sys

from neuromm import doctor
from neuromm.doctor import examine


def test_doctor_says_what_is_here(capsys):
    code = examine()
    out = capsys.readouterr().out
    for what in ("python", "torch", "brian2", "cores, threads", "C++ compiler", "working folder", "weights av_encoder"):
        assert what in out
    assert code == (0 if "all is well" in out else 1)


def test_doctor_gives_the_mend_for_a_damaged_weights_file(capsys, monkeypatch, tmp_path):
    from neuromm.observers.ann import weights

    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    assert examine() == 1
    out = capsys.readouterr().out
    assert "weights broken" in out and "mend: reinstall neuromm" in out and "1 to mend" in out


def test_doctor_names_what_does_not_import_and_what_is_optional(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "brian2", None)  # as if it were broken
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert examine() == 1
    out = capsys.readouterr().out
    assert "!!  brian2" in out and "does not import" in out and "mend: pip install -c constraints.txt -e ." in out
    assert "1 to mend: brian2" in out
    for what in ("distributed", "C++ compiler", "pyarrow"):
        assert f"–   {what}" in out and "absent (optional)" in out


def test_doctor_says_where_it_cannot_write_and_where_there_is_no_space(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROMM_CACHE", str(tmp_path / "not" / "yet" / "made"))
    full = doctor.shutil.disk_usage(tmp_path)._replace(free=1e8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: full)

    def read_only(dir):
        if dir == tmp_path:
            raise OSError(30, "Read-only file system")
        return io.BytesIO()

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", read_only)
    assert examine() == 1
    out = capsys.readouterr().out
    assert f"{tmp_path / 'not' / 'yet' / 'made'} cannot be written" in out and "or set NEUROMM_CACHE" in out
    assert "0.1 GB free" in out and "mend: free some space" in out and "2 to mend: working folder, cache folder" in out


def test_doctor_misses_the_weights(capsys, monkeypatch, tmp_path):
    from neuromm.observers.ann import weights

    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    assert examine() == 1 and "none are shipped" in capsys.readouterr().out
