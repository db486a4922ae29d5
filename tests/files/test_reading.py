"""Bytes and text of files: what may be read, how much of it, and what is said of the rest."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
from pathlib import Path

import pytest

from thermoscope.errors import InputError, ModelError
from thermoscope.files.parsing import DEEPEST, MOST_PARTS, json_value, toml_value, yaml_value
from thermoscope.files.reading import kind_of, read_bytes, read_text


def refused(path: str | Path, says: str, **how: int) -> None:
    with pytest.raises(InputError, match=says) as error:
        read_text(path, "a setting", **how)
    assert "\n" not in str(error.value)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "pipe: a setting must be a regular file; this is a pipe")
    refused("/dev/full", "/dev/full: a setting must be a regular file; this is a device")
    refused("/dev/zero", "this is a device")
    refused(tmp_path, "must be a file; this is a folder")
    with pytest.raises(InputError, match="this is a device"):
        kind_of("/dev/full", "a file")


def test_every_path_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    refused(tmp_path / "none", "none: there is no such file or folder; check the path")
    refused(tmp_path / ("n" * 5_000), "File name too long")
    refused("a\0b", "no path has such characters")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "below", "Not a directory")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", "Too many levels of symbolic links")
    long = f"/{'n' * 5_000}"
    with pytest.raises(InputError) as error:
        read_text(long, "a setting")
    assert len(str(error.value)) < 400


def test_sizes_are_bounded_before_and_after_unpacking(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 1_001)
    refused(tmp_path / "large", "may have 1,000 bytes, unpacked; this has more", most=1_000)
    assert read_bytes(tmp_path / "large", "it", most=1_001) == b"x" * 1_001
    (tmp_path / "packed").write_bytes(gzip.compress(b"\0" * 1_000_000))
    refused(tmp_path / "packed", "may have 100,000 bytes", most=100_000)
    assert len(read_bytes(tmp_path / "packed", "it", most=1_000_000)) == 1_000_000
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    refused(tmp_path / "sparse", "may have 4 MB")


def test_text_is_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"\xef\xbb\xbfa\xc3\xa9")
    assert read_text(path, "it") == "a\u00e9"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa\xc3\xa9\r\n"))
    assert read_text(path, "it") == "a\u00e9\r\n"
    path.write_bytes(b"a\nb\ncaf\xe9\n")
    refused(path, r"t, line 3: a setting must be UTF-8; byte 0xe9 is not, as in Latin-1; convert it, .* iconv")
    path.write_bytes("a\n".encode("utf-16"))
    refused(path, "this is UTF-16; save it as UTF-8")
    path.write_bytes(gzip.compress(b"abc")[:-4])
    refused(path, "can't be unpacked")


def test_standard_input_and_what_closed_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xc3\xa9")))
    assert read_text("-", "it") == "caf\u00e9"
    monkeypatch.setattr(sys, "stdin", None)
    refused("-", "which is closed; name a file")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 101 + "]" * 101, f"nested {DEEPEST} levels deep"),
        ('{"a":' * 30_000, f"nested {DEEPEST} levels deep"),
        ("9" * 5_000, "a number may have 400 digits"),
        ('{"a": 1, "a": 2}', "x: the field 'a' is there more than once; keep one"),
        ('{"a": 1,\n"b" 2}', "x, line 2: not JSON"),
        ('{"a": "' + '\\"' * 200_000, "not JSON"),  # read in time linear in its length
    ],
)
def test_json_that_is_not_read(text: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        json_value(text, "x")
    assert json_value("[" * 100 + "]" * 100, "x")
    assert json_value('{"a": "[[[[", "b": 1.50}', "x") == {"a": "[[[[", "b": 1.5}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "[" * 1_000 + "]" * 1_000, "nested 100 levels"),
        (".".join(["a"] * 2_000) + " = 1", f"a key may have {MOST_PARTS} parts"),
        (".".join(['"a"'] * 100_000) + " = 1", f"a key may have {MOST_PARTS} parts"),
        ("[" + ".".join(["a"] * 2_000) + "]", f"a key may have {MOST_PARTS} parts"),
        ("-" * 100_000 + " 1", "not TOML"),  # in linear time
        ("a = " + "1" * 5_000, "a number may have 400 digits"),
        ("a = 2020-13-45", "not TOML"),
        ("a = 1\na = 2", "x, line 2: not TOML"),
        ('a = """' + '\\"' * 100_000, "not TOML"),
    ],
)
def test_toml_that_is_not_read(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        toml_value(text, "x")
    fine = 'a.b = "' + "x." * 500 + '" # ' + "y." * 500 + "\nc = '''[[[" + "9" * 600 + "'''\n"
    assert toml_value(fine, "x")["a"]["b"] == "x." * 500


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x 1\nb: *x", "anchors and aliases are not read"),
        ("[" * 200, "nested 100 levels"),
        ("a: " + "9" * 5_000, "a number may have 400 digits"),
        ("a: 1\na: 2", "the field 'a' is there more than once"),
        ("a: 1\n--- \nb: 2", "must be one document; this has 2"),
        ("a: [1", "x, line 1: not YAML|x, line 2: not YAML"),
        ("x: 1\n" * 100_000, "may have 262,144 characters"),
    ],
)
def test_yaml_that_is_not_read(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        yaml_value(text, "x")


def test_yaml_guesses_no_types() -> None:
    found = yaml_value("a: yes\nb: 12:30\nc: 007\nd: 1e-3\ne: '5'\nf:\ng: [1.50, true, 2020-01-01]\nh: 1_000\n", "x")
    assert found == {"a": "yes", "b": "12:30", "c": 7, "d": 0.001, "e": "5", "f": None,
                     "g": [1.5, True, "2020-01-01"], "h": "1_000"}  # fmt: skip


def test_messages_shorten_what_they_quote() -> None:
    assert str(InputError("a " + "x" * 100_000 + " b")) == "a " + "x" * 100 + "..." + "x" * 80 + " b"
    assert len(str(ModelError("x" * 300))) == 300
