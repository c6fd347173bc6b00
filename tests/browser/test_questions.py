"""Programs that ask by ``input()``, in the page and in an author's."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.axe import violations
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

ASKS = """\
from getpass import getpass
name = input("Name? ")
secret = getpass("Password: ")
print(name, len(secret))"""

FIELD = ".sagecell_question:not([hidden]) input"


def test_a_reader_answers_with_the_keyboard_alone(reader: Reader):
    reader.evaluate(ASKS)
    reader.until(lambda: reader.all(FIELD))
    # The focus was on Evaluate, in the cell.
    reader.until(lambda: reader.focus == "sagecell_answer")
    assert reader.text(".sagecell_asks") == "Asks: Name?"
    assert violations(reader) == []
    reader.keep_picture("question", width=900)
    reader.keep_picture("question-phone", width=390, mobile=True)
    with reader.by_night():
        reader.keep_picture("question-dark", width=900)
    reader.press("Ada")
    reader.press(Keys.ENTER)
    reader.until(lambda: reader.one(FIELD).get_attribute("type") == "password")
    reader.until(lambda: reader.focus == "sagecell_answer")
    reader.press("secret")
    reader.press(Keys.ENTER)
    assert reader.until_over() == "done"
    assert reader.text(".sagecell_stdout") == "Name? Ada\nPassword: \nAda 6"
    assert reader.all(FIELD) == []
    assert reader.complaints() == []


def test_stop_ends_a_question(reader: Reader):
    reader.evaluate("input('Name? ')")
    reader.until(lambda: reader.all(FIELD))
    reader.one(".sagecell_stopButton").click()
    assert reader.until_over() == "stopped"
    assert reader.all(FIELD) == []
