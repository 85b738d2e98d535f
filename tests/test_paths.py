"""Whether a file exists is said alike by every Python."""

import pytest

from pycouple._paths import exists


def test_exists(tmp_path):
    file = tmp_path / "file"
    assert not exists(file)
    file.touch()
    assert exists(file)
    assert exists(str(tmp_path))
    assert not exists(file / "below a file")
    assert not exists(f"{file}\0")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    assert not exists(tmp_path / "lost")


def test_what_cannot_be_known_is_no_absence(tmp_path):
    with pytest.raises(OSError, match="too long"):
        exists(tmp_path / ("x" * 5000))
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(OSError, match=r"[Tt]oo many"):
        exists(tmp_path / "round")
