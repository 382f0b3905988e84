"""No exported cell is a formula, and all of them come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.cells import FORMULA, escape_cell, escape_row, read_cell

HOSTILE = st.text(alphabet=st.sampled_from("=+-@\t\r'\"01.a,;\n")) | st.text()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\tx", "'\tx"),
        ("-5", "-5"),
        ("+49301234567", "+49301234567"),
        ("-", "'-"),
        ("'=1", "''=1"),
        ("O'Brien", "O'Brien"),
        ("'quoted'", "'quoted'"),
        (None, ""),
        (True, "true"),
        (-5, "-5"),
        (["a", 1], '["a",1]'),
    ],
)
def test_what_a_spreadsheet_would_calculate_is_said_to_be_text(value, cell):
    assert escape_cell(value) == cell


@given(HOSTILE)
def test_no_cell_is_a_formula_and_each_reads_back(text):
    cell = escape_cell(text)
    is_number = cell[:1] in ("+", "-") and cell[1:].replace(".", "", 1).isdigit()
    assert is_number or not cell.startswith(FORMULA)
    assert read_cell(cell) == text.replace("\0", "")


@given(st.lists(HOSTILE, min_size=1, max_size=6))
def test_a_row_comes_back_through_a_file(values):
    file = io.StringIO(newline="")
    csv.writer(file).writerow(escape_row(values))
    (read,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert [read_cell(cell) for cell in read] == [value.replace("\0", "") for value in values]
