"""Which files of a cell are listed, and which are shown."""

from __future__ import annotations

from sagecell_tx.kernelside.files.listing import sort


def test_plots_of_octave_and_r_are_pictures():
    """contract: 4.10"""
    pictures = ["Rplot001.png", "Rplot.svg", "Rplot 2.bmp", "Rplots.jpeg", "octave.png"]
    assert sort(pictures) == (pictures, [])


def test_all_others_are_listed_in_order():
    """contract: 4.19"""
    names = ["z.png", "Rplots.pdf", "Rplot.gif", "octave.png.txt", "a/octave.png", "a/Rplot.png"]
    assert sort(names) == ([], names)


def test_what_is_in_a_scenes_directory_is_neither():
    """contract: 4.12"""
    names = ["sage0.jmol/scene.zip", "sage0.jmol/a/b", ".jmol/x", "a/b.jmol/c", "x.jmol", "b.txt"]
    assert sort(names) == ([], ["a/b.jmol/c", "x.jmol", "b.txt"])
