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
