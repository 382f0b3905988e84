"""Files as they come: every encoding, separator and mistake is read, or refused in words that say what to do."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.importing import mapping, reading
from leads.importing.cleaning import Cleaner, Person, Refusal, typed
from leads.importing.reading import FileProblem


def read(data):
    file = io.BytesIO(data)
    shape = reading.examine(file)
    return shape, list(reading.rows(file, shape))


def cells(data):
    return [row.cells for row in read(data)[1]]


TEXT = "email;name\r\nada@acme.com;Zoë\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
)
def test_every_encoding_is_found_out(data, encoding):
    shape, (row,) = read(data)
    assert (shape.encoding, shape.delimiter, shape.headings) == (encoding, ";", ("email", "name"))
    assert row.cells == ["ada@acme.com", "Zoë"]


def test_a_byte_that_is_not_utf8_far_down_counts_for_the_whole_file():
    data = b"email,name\n" + b"a@x.com,Ann\n" * 20_000 + "b@x.com,Zoë\n".encode("cp1252")
    shape, rows = read(data)
    assert (shape.encoding, rows[-1].cells) == ("cp1252", ["b@x.com", "Zoë"])
    assert "look at the names with accents" in shape.in_words


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_separator_is_found_out_also_where_others_stand_in_the_texts(delimiter):
    rows = [["Email", "Company", "Note"], ["a@x.com", "A; B, C", "x|y"], ["b@x.com", "One, two", "p;q\tr"]]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    shape, found = read(file.getvalue().encode())
    assert (shape.delimiter, [row.cells for row in found]) == (delimiter, rows[1:])


def test_quotes_hold_separators_and_line_breaks_and_lines_are_counted_as_editors_do():
    _, rows = read(b'email,note\na@x.com,"one\ntwo, three ""four"""\n\n , \nb@x.com,five\r\n')
    assert [(row.line, row.cells) for row in rows] == [
        (2, ["a@x.com", 'one\ntwo, three "four"']),
        (6, ["b@x.com", "five"]),
    ]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("email,name,name,,Name", ("email", "name", "name (2)", "Column 4", "Name")),
        (" E-Mail , First  name ,,", ("E-Mail", "First name")),
        ("sep=;\nemail;name", ("email", "name")),
        ("email", ("email",)),
        ("'=email,plan", ("=email", "plan")),
    ],
)
def test_headings_are_named_each_once(heading, names):
    assert read(f"{heading}\n".encode())[0].headings == names


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "The file is empty."),
        (b"PK\x03\x04\x14\x00", "Excel workbook (xlsx) or a zip"),
        (b"\xd0\xcf\x11\xe0\xa1", "old Excel workbook"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"ada@acme.com,Ada\n", "Line 1: the first line has to name the columns, like"),
        (b",,,\n", "Line 1: the first line has to name the columns"),
        (b"a," * 400 + b"\n", "at most 300"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(data, told):
    with pytest.raises(FileProblem) as problem:
        read(data)
    assert told in str(problem.value)


def test_nul_and_ragged_rows():
    assert cells(b"email,a,b\nx@y\0.com,1\nz@y.com,1,2,,\n") == [["x@y.com", "1", ""], ["z@y.com", "1", "2"]]
    _, (row,) = read(b"email,a\nx@y.com,1,2,3\n")
    assert row.surplus == 2


@given(st.binary(max_size=400) | st.text(alphabet="a@.,;\t\"'\r\n=\0é", max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    try:
        shape, rows = read(data)
    except FileProblem:
        return
    cleaner = Cleaner(shape.headings, mapping.guess(shape.headings), source="test", key="k")
    for row in rows:
        assert len(row.cells) == len(shape.headings)
        assert isinstance(cleaner.clean(row), Person | Refusal)


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    st.lists(HOSTILE, min_size=3, max_size=3),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_writes_is_read_as_it_was(values, delimiter, encoding):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["email", "b", "c", "d"], ["x", *values]])
    (row,) = cells(file.getvalue().encode(encoding))
    same = [value.replace("\0", "") for value in values]
    assert [cell.lstrip("'") for cell in row[1:]] == [value.lstrip("'") for value in same]


# --- columns


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("E-Mail", "email"),
        ("EMAIL ADDRESS", "email"),
        ("Correo electrónico", "email"),
        ("Vorname", "first_name"),
        ("Prénom", "first_name"),
        ("Nachname", "last_name"),
        ("Full Name", "name"),
        ("Company", "company"),
        ("Société", "company"),
        ("Job title", "job_title"),
        ("Number of Employees", "company_size"),
        ("utm_source", "utm_source"),
        ("UTM Campaign", "utm_campaign"),
        ("gclid", "gclid"),
        ("Opted out", "unsubscribed"),
        ("Do not email", "unsubscribed"),
        ("Abgemeldet", "unsubscribed"),
        ("Accepts Marketing", "subscribed"),
        ("attributes.plan", "attributes.plan"),
        ("Lieblingsfarbe (alt)", "attributes.lieblingsfarbe_alt"),
        ("Record ID", ""),
        ("Lifecycle Stage", ""),
        ("owner", ""),
        ("Column 3", ""),
        ("???", ""),
    ],
)
def test_headings_are_recognised(heading, field):
    assert mapping.guess([heading]) == {heading: field}


def test_a_field_is_taken_once():
    assert mapping.guess(["Email", "Mail", "Company", "Firma"]) == {
        "Email": "email",
        "Mail": "attributes.mail",
        "Company": "company",
        "Firma": "attributes.firma",
    }


@pytest.mark.parametrize(
    ("matched", "told"),
    [
        ({"A": "first_name"}, "nobody can be imported without one"),
        ({"A": "email", "B": "email"}, "“A”, “B” are all matched with email"),
        ({"A": "email", "C": "phone"}, "There is no column “C”; the file has “A”, “B”."),
        ({"A": "email", "B": "first_nam"}, "did you mean first_name?"),
        ({"A": "email", "B": "stage"}, "there is no field “stage”"),
        ({"A": "email", "B": "attributes."}, "there is no field"),
    ],
)
def test_what_is_matched_wrongly_is_named(matched, told):
    with pytest.raises(mapping.MappingProblem) as problem:
        mapping.check(matched, ["A", "B"])
    assert told in str(problem.value)


@given(st.lists(st.text(max_size=20), max_size=8, unique=True))
def test_any_headings_can_be_guessed_at(headings):
    guessed = mapping.guess(headings)
    taken = [field for field in guessed.values() if field]
    assert list(guessed) == headings
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("7", 7),
        ("-3", -3),
        ("0.5", 0.5),
        ("007", "007"),
        ("+49", "+49"),
        ("1e5", "1e5"),
        ("1.50", "1.50"),
        ("12345678901234567890", "12345678901234567890"),
        ("true", True),
        ("yes", "yes"),
        ('["a","b"]', ["a", "b"]),
        ("[not json", "[not json"),
        ("2026-03-01", "2026-03-01"),
    ],
)
def test_cells_of_attributes_have_their_type_where_it_is_plain(cell, value):
    found = typed(cell)
    assert (found, type(found)) == (value, type(value))
