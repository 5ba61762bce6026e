"""CSV files as people have them: encodings, separators, broken quotes, and what the columns mean."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.columns import ATTRIBUTES, FIELDS, RowReader, assign
from newsletter.audience.csvfile import MAX_RECORD_LINES, CsvFile
from newsletter.errors import ImportRefused

PATH = Path("readers.csv")


def written(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / "readers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def records(path: Path) -> list[tuple[int, list[str], str]]:
    return list(CsvFile(path).records())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_separator_and_line_end_reads_the_same(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    text = end.join([f"Email{delimiter}Naïve name", f'rita@example.org{delimiter}"Ri{delimiter}ta"', "", ""])
    file = CsvFile(written(tmp_path, text, encoding))
    assert file.header == ["Email", "Naïve name"]
    assert list(file.records()) == [(2, ["rita@example.org", f"Ri{delimiter}ta"], "")]


def test_big_endian_utf_16_with_its_mark_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffemail\nrita@example.org\n", "utf-16-be")
    assert records(path) == [(2, ["rita@example.org"], "")]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"email,name\nrita@example.org,Rita\nzoe@example.org,Zo\xeb\n", 3, "is not UTF-8: save it as UTF-8"),
        ("email\n\nrita@example.org\n".encode("utf-16-le"), 1, "has a NUL in it"),
        (b"email\nrita@example.org\n\x00\n", 3, "has a NUL in it"),
        ("email\nrita@example.org\n".encode("utf-16") + b"\x00", 3, "is not the UTF-16 that it begins as"),
        (b"", 1, "no header"),
        (b"\n", 1, "no header"),
        (b"email,,name\n", 1, "column 2 has no name"),
        (b"email,name,Email\n", 1, "two columns are named “Email”"),
        (b'"email\n', 1, "the header cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    with pytest.raises(ImportRefused, match=message) as error:
        CsvFile(written(tmp_path, content))
    assert error.value.line == line


def test_a_broken_byte_far_into_a_file_is_found_before_anything_is_read(tmp_path: Path) -> None:
    content = b"email\n" + b"rita@example.org\n" * 200_000 + b"\xff\n"
    with pytest.raises(ImportRefused) as error:
        CsvFile(written(tmp_path, content))
    assert error.value.line == 200_002


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="cannot be read"):
        CsvFile(tmp_path / "none.csv")


def test_a_row_of_another_width_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "email,name\na@example.org\n\nb@example.org,B,x\nc@example.org,C\n")
    assert [(line, problem) for line, _, problem in records(path)] == [
        (2, "1 cell where the header has 2"),
        (4, "3 cells where the header has 2"),
        (5, ""),
    ]


@pytest.mark.parametrize("after", [0, 1, 5, MAX_RECORD_LINES, MAX_RECORD_LINES + 50])
def test_a_quote_that_nobody_closed_costs_its_own_line_only(tmp_path: Path, after: int) -> None:
    good = [f"r{number}@example.org,R" for number in range(after)]
    path = written(tmp_path, "\n".join(["email,name", 'rita@example.org,"Rita', *good, ""]))
    found = records(path)
    assert found[0][0] == 2
    assert found[0][1] == ['rita@example.org,"Rita']
    assert found[0][2]
    assert [(line, cells) for line, cells, problem in found[1:] if not problem] == [
        (number + 3, row.split(",")) for number, row in enumerate(good)
    ]


def test_a_cell_may_have_line_ends_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, 'email,name\nrita@example.org,"Rita\nReader"\nomar@example.org,Omar\n')
    assert [(line, cells[1]) for line, cells, _ in records(path)] == [(2, "Rita\nReader"), (4, "Omar")]


def test_a_cell_without_end_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, f"email,name\nrita@example.org,{'x' * 200_000}\nomar@example.org,Omar\n")
    (bad, good) = records(path)
    assert "field larger than field limit" in bad[2]
    assert good == (3, ["omar@example.org", "Omar"], "")


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=3, max_size=3)
                .filter(any), max_size=6))  # fmt: skip
def test_what_a_csv_writer_wrote_is_read_back(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "readers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["email", "b", "c"], *rows])
    assert [(cells, problem) for _, cells, problem in records(path)] == [(row, "") for row in rows]


@given(
    st.text(
        st.one_of(st.sampled_from('",\n\rax'), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        max_size=60,
    )
)
def test_no_text_hides_the_row_after_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "readers.csv"
    path.write_text(f"email\n{text}\nomar@example.org\n", encoding="utf-8", newline="")
    *_, (_, cells, problem) = records(path)
    assert (cells, problem) == (["omar@example.org"], "")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["email"], {"email": "email"}),
        (["E-Mail", "FIRST NAME", "Surname"], {"E-Mail": "email", "FIRST NAME": "first_name", "Surname": "last_name"}),
        (["Email Address", "Name", "State"], {"Email Address": "email", "Name": "first_name", "State": "region"}),
        (["mail", "name", "first_name"], {"mail": "email", "name": "attributes.name", "first_name": "first_name"}),
        (["email", "Favourite colour", "ID"],
         {"email": "email", "Favourite colour": "attributes.favourite_colour", "ID": "attributes.id"}),
        (["email", "attributes.plan", "created"], {"email": "email", "attributes.plan": "attributes.plan", "created": "-"}),
        (["Time-Zone", "e_mail"], {"Time-Zone": "timezone", "e_mail": "email"}),
    ],
)  # fmt: skip
def test_columns_are_recognised_by_their_names(header: list[str], columns: dict[str, str]) -> None:
    assert assign(PATH, header, {}) == columns


def test_a_mapping_goes_before_what_is_recognised() -> None:
    found = assign(
        PATH,
        ["Adresse", "email", "Land", "Notiz"],
        {"adresse": "email", "Land": "country", "Notiz": "-"},
    )
    assert found == {"Adresse": "email", "email": "attributes.email", "Land": "country", "Notiz": "-"}


@pytest.mark.parametrize(
    ("header", "mapping", "message"),
    [
        (["Adresse"], {}, "say --map .*=email"),
        (["email"], {"Mail": "email"}, "there is no column “Mail”: there are email"),
        (["email", "x"], {"x": "contry"}, "unknown field “contry”: did you mean country?"),
        (["email", "x"], {"x": "phone"}, "or -"),
        (["email", "mail"], {}, "“email” and “mail” are both email"),
        (["email", "a b", "a_b"], {}, "are both attributes.a_b"),
        (["email", "!!!"], {}, "makes no attribute's name"),
    ],
)
def test_columns_that_cannot_be_told_are_refused(header: list[str], mapping: dict[str, str], message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        assign(PATH, header, mapping)


def values(**cells: str) -> dict[str, Any]:
    header = ["email", *cells]
    _, found = RowReader(header, assign(PATH, header, {})).read(["rita@example.org", *cells.values()])
    return {name: value for name, value in zip((*FIELDS, "attributes"), found, strict=True) if value is not None}


def test_cells_are_cleaned_and_written_one_way() -> None:
    assert values(
        first_name="  Zoe\u0308 \u202e Maria  Anna ", country="uk", language="EN_gb", timezone="Europe/Berlin ",
        tags="A; b,a", frequency="Daily", region="\tBerlin\x00",
    ) == {
        "first_name": "Zoë Maria Anna", "country": "GB", "language": "en-GB", "timezone": "Europe/Berlin",
        "tags": ("a", "b"), "frequency": "daily", "region": "Berlin",
    }  # fmt: skip


def test_empty_cells_say_nothing() -> None:
    assert values(first_name="", country=" ", tags=" ", plan="  ", region="\u200e"[:0]) == {}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12), ("-3", -3), ("2.5", 2.5), ("0", 0), ("0.10", 0.1), ("123456789012345", 123456789012345),
        ("007", "007"), ("1234567890123456", "1234567890123456"), ("1e5", "1e5"), ("-0", "-0"), ("+49", "+49"), ("1,5", "1,5"),
        ("'+49", "+49"), ("''=x", "'=x"), ("'t Hooft", "'t Hooft"), ("true", "true"), ("٣", "٣"), ("1.", "1."),
    ],
)  # fmt: skip
def test_an_attribute_is_a_number_where_it_spells_one_plainly(cell: str, value: object) -> None:
    (found,) = values(x=cell)["attributes"].values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("column", "cell"),
    [("country", "Germany"), ("language", "english"), ("timezone", "Berlin"), ("first_name", "x" * 101), ("tags", "x" * 65),
     ("plan", "x" * 1001), ("region", "x" * 65), ("frequency", "x" * 33)],
)  # fmt: skip
def test_a_cell_that_cannot_be_meant_is_named_by_its_column(column: str, cell: str) -> None:
    with pytest.raises(ValueError, match=rf"^{column}: "):
        values(**{column: cell})


def test_the_attributes_come_last() -> None:
    assert len(FIELDS) == ATTRIBUTES
