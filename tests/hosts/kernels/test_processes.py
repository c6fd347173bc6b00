"""What a kernel's process reports."""

from sagecell_tx.hosts.kernels.processes import Trouble


def test_each_trouble_has_a_line_for_the_log():
    for trouble in Trouble:
        line = trouble.log_format.format(kernel="id", number=7, why="It was so.")
        assert line.startswith("id: kernel 7 ")
