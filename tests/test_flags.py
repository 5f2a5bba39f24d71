import pytest

from neuromm.flags import call_with_flags


def example(
    names: list[str] | None = None, n_repeats: int = 3, share: float = 0.5, keys: bool = False, out: str | None = None
):
    """An example.

    Parameters
    ----------
    n_repeats : int
        How often.
    """
    return names, n_repeats, share, keys, out


def test_parameters_are_flags_of_their_types():
    assert call_with_flags(example, []) == (None, 3, 0.5, False, None)
    argv = ["--name", "a", "--name", "b", "--n-repeats", "7", "--share", ".25", "--keys", "--out", "there"]
    assert call_with_flags(example, argv) == (["a", "b"], 7, 0.25, True, "there")


def test_help_shows_the_docstring(capsys):
    with pytest.raises(SystemExit):
        call_with_flags(example, ["--help"])
    assert "How often. (default: 3)" in capsys.readouterr().out


def test_a_wrong_kind_ends_in_code_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        call_with_flags(example, ["--n-repeats", "many"])
    assert stopped.value.code == 2 and "invalid int value: 'many'" in capsys.readouterr().err
