"""Programs in links and file names, from untrusted input."""

import base64
import tracemalloc
import unicodedata
import zlib
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.web.http import parse_qs

from sagecell_tx.wire.codelink import (
    Program,
    ProgramReference,
    clean_ident,
    clean_name,
    clean_text,
    program_from_query,
    unzip_text,
    without_ending,
    zip_text,
)
from sagecell_tx.wire.messages import WireError

MIB = 1024 * 1024

hostile_text = st.text(st.characters(codec=None, exclude_categories=()))  # with surrogates


def zipped(data, level=-1):
    return base64.urlsafe_b64encode(zlib.compress(data, level)).decode()


def refusal(call, *args):
    """The `WireError` that a call raises, or None."""
    try:
        call(*args)
    except WireError as error:
        return error
    return None


def query(text):
    return program_from_query(parse_qs(text.encode(), keep_blank_values=True))


class TestZip:
    @given(st.text())
    def test_round_trip(self, text):
        assert unzip_text(zip_text(text)) == text
        assert unzip_text(zip_text(text).rstrip("=")) == text

    @given(st.text())
    def test_as_the_contract_says(self, text):
        """contract: 1.1"""
        assert zip_text(text) == zipped(text.encode())

    @pytest.mark.parametrize("level", range(10))
    def test_every_level_of_compression(self, level):
        assert unzip_text(zipped(b"print(1)" * 1000, level)) == "print(1)" * 1000

    def test_a_link_of_sagemathcell(self):
        assert unzip_text("eJzLSM3JyQcABiwCFQ") == "hello"

    @given(
        st.one_of(
            hostile_text,
            st.binary().map(lambda data: zipped(data)),
            st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()),
        )
    )
    @example("")
    @example("=")
    @example("A")
    @example("é")
    @example("eJzL SM3JyQcABiwCFQ")
    @example("eJzLSM3JyQcABiwCFQ\n")
    def test_whatever_comes_is_text_or_a_wire_error(self, text):
        error = refusal(unzip_text, text)
        if error is None:
            assert isinstance(unzip_text(text), str)
        else:
            assert error.code == "invalid_zip"
            assert error.message.startswith("Invalid zipped code: ")

    @given(st.text(min_size=1), st.data())
    def test_cut_short(self, text, data):
        whole = zlib.compress(text.encode())
        cut = data.draw(st.integers(0, len(whole) - 1))
        with pytest.raises(WireError, match="Invalid zipped code"):
            unzip_text(base64.urlsafe_b64encode(whole[:cut]).decode())

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("!!!!", "base64"),
            ("AAAA", "zlib"),
            (zipped(b"\xff"), "UTF-8"),
            (base64.urlsafe_b64encode(zlib.compress(b"1") + b"2").decode(), "follows"),
            (zipped(b"x" * 11), "more than 10 bytes"),
        ],
    )
    def test_says_why(self, text, why):
        with pytest.raises(WireError, match=why):
            unzip_text(text, 10)

    def test_the_limit_is_the_last_size_that_passes(self):
        assert unzip_text(zipped(b"x" * 10), 10) == "x" * 10
        assert len(unzip_text(zipped(b"x" * MIB))) == MIB
        with pytest.raises(WireError):
            unzip_text(zipped(b"x" * (MIB + 1)))

    def test_a_bomb_is_not_inflated(self):
        bomb = zipped(bytes(50 * MIB), 9)
        tracemalloc.start()
        try:
            with pytest.raises(WireError):
                unzip_text(bomb)
            assert tracemalloc.get_traced_memory()[1] < 4 * MIB
        finally:
            tracemalloc.stop()

    def test_half_characters_cannot_be_zipped(self):
        with pytest.raises(WireError) as refused:
            zip_text("\ud800")
        assert refused.value.code == "invalid_text"


class TestQuery:
    def test_nothing(self):
        assert query("") == Program(code=None, language=None, interacts="[]", autoeval=False)

    def test_code(self):
        assert query("c=1%2B1%0A%20&lang=gap") == Program(
            code="1+1\n ", language="gap", interacts="[]", autoeval=True
        )

    def test_no_code_is_code(self):
        assert query("c=") == Program(code="", autoeval=True)

    def test_zipped_code_and_interacts(self):
        text = f"z={zip_text('héllo')}&interacts={zip_text('[1]')}"
        assert query(text) == Program(code="héllo", interacts="[1]", autoeval=True)

    def test_permalink(self):
        assert query("q=zxcvbn") == ProgramReference(ident="zxcvbn", autoeval=True)
        assert query("q=zxcvbn&autoeval=false") == ProgramReference(ident="zxcvbn", autoeval=False)

    def test_code_wins_over_zip_and_zip_over_permalink(self):
        assert query(f"q=zxcvbn&z={zip_text('2')}&c=1") == Program(code="1", autoeval=True)
        assert query(f"q=zxcvbn&z={zip_text('2')}") == Program(code="2", autoeval=True)
        assert query("q=zxcvbn&z=broken&c=1") == Program(code="1", autoeval=True)

    def test_code_and_interacts_have_one_limit(self):
        half = zip_text("é" * (MIB // 4))
        assert query(f"z={half}&interacts={half}").interacts == "é" * (MIB // 4)
        more = zip_text("é" * (MIB // 4) + "x")
        with pytest.raises(WireError, match="more than 524288 bytes"):
            query(f"z={half}&interacts={more}")

    def test_interacts_go_with_zip_alone(self):
        assert query("c=1&interacts=broken") == Program(code="1", autoeval=True)
        with pytest.raises(WireError, match="Invalid zipped code"):
            query(f"z={zip_text('1')}&interacts=broken")

    @pytest.mark.parametrize(
        ("word", "autoeval"), [("true", True), ("false", False), ("alert(1)", True), ("", True)]
    )
    def test_autoeval_is_true_or_false(self, word, autoeval):
        assert query(f"c=1&autoeval={word}") == Program(code="1", autoeval=autoeval)

    def test_autoeval_without_code(self):
        assert query("autoeval=true").autoeval is True
        assert query("autoeval=x").autoeval is False

    @pytest.mark.parametrize("language", ["", "<script>", "x" * 33, "%ff", "a%00"])
    def test_a_language_that_cannot_be_one_is_none(self, language):
        assert query(f"c=1&lang={language}") == Program(code="1", autoeval=True)

    def test_repeated_parameters(self):
        assert query("c=1&c=2&lang=r&lang=gap&autoeval=false&autoeval=true") == Program(
            code="12", language="r", autoeval=False
        )

    @pytest.mark.parametrize("text", ["c=%ff", "c=%00", "z=%ff", "q=%ff"])
    def test_what_is_not_text(self, text):
        with pytest.raises(WireError):
            query(text)

    @given(
        st.dictionaries(
            st.sampled_from([b"c", b"z", b"q", b"lang", b"interacts", b"autoeval", b"x"]),
            st.lists(st.binary(max_size=20), max_size=3),
        )
    )
    def test_whatever_comes_is_a_program_or_a_wire_error(self, args):
        error = refusal(program_from_query, args)
        if error is None:
            assert isinstance(program_from_query(args), Program | ProgramReference)
        else:
            assert error.code in {"invalid_text", "invalid_zip"}


class TestText:
    @given(hostile_text)
    def test_what_passes_can_be_stored_anywhere(self, text):
        hostile = any(c == "\0" or unicodedata.category(c) == "Cs" for c in text)
        error = refusal(clean_text, text)
        if hostile:
            assert error is not None
            assert error.code == "invalid_text"
        else:
            assert clean_text(text) == text

    def test_ids(self):
        for ident in ("zxcvbn", "7f9c2ba4-e88f-4f2a-a1f3-1c5a4bf2d0a5", "x" * 64):
            assert clean_ident(ident) == ident
        for ident in ("", "a b", "a\n", "a\0", "é", "\ud800", "x" * 65):
            with pytest.raises(WireError):
                clean_ident(ident)


class TestName:
    @pytest.mark.parametrize(
        "name",
        [
            "a",
            "plot.png",
            "a/b/c.csv",
            "données 1.csv",
            "...",
            ".hidden",
            "a..b",
            "-rf",
            "🐍" * 63,
            "/".join(["x" * 255] * 4),
        ],
    )
    def test_good_names_stay_as_they_are(self, name):
        assert clean_name(name) == name

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a/..",
            "a/./b",
            "a//b",
            "a/",
            "a\0",
            "a\nb",
            "a\x7f",
            "a\x85",
            "a\\b",
            "\ud800",
            "x" * 256,
            "🐍" * 64,
            "/".join(["x" * 204] * 5) + "/",
            "/".join(["x" * 204] * 5 + ["y"]),
            "x" * 4096,
        ],
    )
    def test_bad_names(self, name):
        with pytest.raises(WireError) as refused:
            clean_name(name)
        assert refused.value.code == "invalid_name"
        assert refused.value.message.endswith(".")

    @given(
        st.one_of(
            hostile_text,
            st.lists(st.sampled_from([".", "..", "a", "/", "\\", "\0", "é"])).map("".join),
        )
    )
    def test_what_passes_stays_inside(self, name):
        if refusal(clean_name, name) is not None:
            return
        clean = clean_name(name)
        assert clean == name
        assert len(clean.encode("utf-8")) <= 1024
        path = PurePosixPath(clean)
        assert str(path) == clean
        assert not path.is_absolute()
        assert not {"", ".", ".."} & set(path.parts)
        assert all(len(part.encode("utf-8")) <= 255 for part in path.parts)
        assert not any(unicodedata.category(c) in ("Cc", "Cs") or c == "\\" for c in clean)

    @given(st.lists(st.text("abé-_ ", min_size=1, max_size=20), min_size=1, max_size=10))
    def test_plain_names_pass(self, parts):
        assert clean_name("/".join(parts)) == "/".join(parts)


@given(hostile_text, st.text(" .,;:)\"'\n\xa0"))
def test_what_follows_a_link_is_no_part_of_it(link, ending):
    shorter = without_ending(link + ending)
    assert shorter == without_ending(link)
    assert link.startswith(shorter)
    assert without_ending(shorter) == shorter


def test_what_follows_a_link_may_be_long():
    """A search for the end from each place would take minutes."""
    assert without_ending("." * 65_000 + "x") == "." * 65_000 + "x"
    assert without_ending("x" + ". " * 32_000) == "x"
