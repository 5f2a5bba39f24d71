"""Atomic files and folders: complete or absent, whatever goes wrong in between."""

import os

import pytest

from neuromm.core.files import atomic_file, atomic_folder, checksums, sha256, write_bytes, write_text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "deep" / "table.csv"
    write_text(path, "a,b\n1,2\n")
    write_text(path, "a,b\r\n3,4\n")
    assert path.read_bytes() == b"a,b\r\n3,4\n"
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]


def test_an_error_while_writing_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "weights.bin"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="half-way"), atomic_file(path) as draft:
        draft.write_bytes(b"ne")
        raise RuntimeError("half-way")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["weights.bin"]


def test_a_folder_of_ours_is_replaced_and_others_are_refused(tmp_path):
    for text in ("first", "second"):
        with atomic_folder(tmp_path / "result", "mark") as draft:
            (draft / "mark").touch()
            (draft / text).write_text(text)
    assert sorted(os.listdir(tmp_path / "result")) == ["mark", "second"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    refused = pytest.raises(FileExistsError, match="photos exists and is not a neuromm result")
    with refused, atomic_folder(tmp_path / "photos", "mark"):
        pass
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "result", "mark") as draft:
        (draft / "third").touch()
        raise KeyboardInterrupt
    assert sorted(os.listdir(tmp_path / "result")) == ["mark", "second"]
    assert sorted(os.listdir(tmp_path)) == ["photos", "result"]


def test_checksums_are_those_of_sha256(tmp_path):
    write_bytes(tmp_path / "in" / "abc", b"abc")
    write_text(tmp_path / "mark", "x")
    # FIPS 180-2, appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "in" / "abc") == abc
    assert checksums(tmp_path, skip="mark") == {"in/abc": abc}
