"""Passages of manuals, by name."""

from __future__ import annotations

from sagecell_tx.kernelside.sagemath.languages.manuals import Manual, Passage


def test_a_passage_is_a_part_of_a_file(tmp_path):
    path = tmp_path / "manual"
    path.write_text("before\n  about f\nafter", encoding="utf-8")
    manual = Manual({"f": Passage(path, 7, 10), "lost": Passage(tmp_path / "none", 0, 1)})
    assert manual.meaning("f") == "about f"
    assert manual.meaning("g") == manual.meaning("lost") == ""
