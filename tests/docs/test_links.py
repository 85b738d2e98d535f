"""The check of the built site finds links that lead nowhere, and only those."""

from docs.links import broken


def test_broken_links_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "picture.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text(
        '<h1 id="here">x</h1> <a href="#here">x</a> <a href="#nowhere">x</a> <a href="sub/other.html#there">x</a>'
        '<img src="picture.svg"> <img src="no.svg"> <a href="https://example.org/no.html#no">x</a>'
    )
    (tmp_path / "sub" / "other.html").write_text(
        '<p id="there"> <a href="../index.html">x</a> <a href="../gone/">x</a>'
    )
    assert sorted(broken(tmp_path)) == ["index.html: #nowhere", "index.html: no.svg", "sub/other.html: ../gone/"]
