"""docs/compatibility.rst and the tests name the same rows of the contract."""

from __future__ import annotations

import pytest

from tests.contract import (
    DOCUMENT,
    NOT_YET,
    ROW,
    Named,
    by_row,
    in_python,
    in_typescript,
    missing,
    named,
    stated,
)

#: The number of rows of each section of the contract; 0: the section itself is one row.
SECTIONS = {1: 21, 2: 9, 3: 4, 4: 21, 5: 5, 6: 5, 7: 8, 8: 0, 9: 0, 10: 0, 11: 9, 12: 9}
TRAPS = 15

TABLE = """
.. list-table::
   :header-rows: 1

   * - Row
     - State
     - Words
   * - {}
     - {}
     - text
   * - T1
     - yes
     - text
"""


def test_the_document_has_every_row_of_the_contract():
    rows = [f"T{number}" for number in range(1, TRAPS + 1)]
    for section, count in SECTIONS.items():
        rows += [f"{section}.{row}" for row in range(1, count + 1)] or [str(section)]
    assert sorted(stated(DOCUMENT.read_text(encoding="utf-8"))) == sorted(rows)


def test_every_row_that_a_test_names_is_in_the_document():
    rows = stated(DOCUMENT.read_text(encoding="utf-8"))
    assert [each for each in named() if each.row not in rows] == []


def test_every_row_is_named_where_a_test_is():
    assert [each for each in named() if each.test.endswith(": ?")] == []


def test_every_row_that_is_said_to_hold_has_a_test():
    assert missing(stated(DOCUMENT.read_text(encoding="utf-8")), by_row()) == []


def test_what_is_not_promised_needs_no_test():
    states = {"1.1": "yes", "1.2": "partly", "1.3": NOT_YET, "1.4": "yes"}
    assert missing(states, {"1.4": ["a"]}) == ["1.1", "1.2"]


def test_a_table_is_read():
    assert stated(TABLE.format("1.1", "not yet")) == {"1.1": "not yet", "T1": "yes"}
    assert stated(TABLE.format("words", "whatever")) == {"T1": "yes"}


@pytest.mark.parametrize(
    ("row", "state", "why"), [("T1", "yes", "T1 occurs twice"), ("1.1", "maybe", "not a state")]
)
def test_a_table_that_cannot_be_meant(row, state, why):
    with pytest.raises(ValueError, match=why):
        stated(TABLE.format(row, state))


def test_python_names_rows_in_docstrings():
    source = '''
class ThisTests:
    """contract: 1.1"""
    def test_a(self):
        """Words first.

        contract: 3.2, T5.
        """
    def helper(self):
        """contract: 9.9"""
async def test_b():
    """contract: x"""
def test_c():
    "contract"
'''
    found = sorted(in_python(source, "f"), key=lambda each: each.row)
    assert found == [
        Named("1.1", "f: ThisTests"),
        Named("3.2", "f: test_a"),
        Named("T5", "f: test_a"),
        Named("x", "f: test_b"),
    ]


def test_typescript_names_rows_in_comments_above_tests():
    source = """
  // contract: 7.2, T3
  // more words
  it("hides", () => {});
  // contract: 6.1
  test.each([1])(
    "x");
  // contract: 6.2
  test.each<[number]>([
    [1, "not this"],
])("many", () => {
  // contract: 6.3
  notATest("x");
  const contract = "contract: 9";
  // contract: 7.3
  it(
    'takes several', async () => {});
"""
    found = [(each.row, each.test) for each in in_typescript(source, "f")]
    assert found[:2] == [("7.2", "f: hides"), ("T3", "f: hides")]
    assert found[2:5] == [("6.1", "f: x"), ("6.2", "f: many"), ("6.3", "f: ?")]
    assert found[5:] == [("7.3", "f: takes several")]


@pytest.mark.parametrize("row", ["1.1", "12.10", "8", "T15"])
def test_numbers_of_rows(row):
    assert ROW.fullmatch(row)


@pytest.mark.parametrize("row", ["", "1.", "t1", "1.1.1", "T", "1.1a"])
def test_what_is_no_number(row):
    assert not ROW.fullmatch(row)
