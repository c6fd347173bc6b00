"""Sites with the most sessions."""

from __future__ import annotations

from sagecell_tx.sessions.fleet.sites import Sites


def test_those_with_the_most_come_first() -> None:
    sites = Sites()
    for site in ("a", "b", "b", "", "", "", "c", "b", "c"):
        sites.add(site)
    assert sites.top(2) == [("b", 3), ("c", 2)]


def test_any_number_of_names_takes_bounded_memory_and_displaces_no_real_site() -> None:
    sites = Sites(most=100)
    for number in range(10_000):
        sites.add(f"{number}.evil.example")
        if number % 10 == 0:
            sites.add("book.example")
    assert sites.top(1) == [("book.example", 1000)]
    assert len(sites.top(1_000_000)) <= 100
