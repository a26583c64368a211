"""The figures in the explanations are those that the gates have now."""

from __future__ import annotations

import pytest

from .tables import FOLDER, TABLES, places

_PLACES = [(page, name, said) for page in sorted(FOLDER.glob("*.md")) for name, said in places(page)]


@pytest.mark.parametrize(
    ("name", "said"), [pytest.param(name, said, id=f"{page.name}-{name}") for page, name, said in _PLACES]
)
def test_a_table_says_what_is_computed(name: str, said: str) -> None:
    assert said == TABLES[name](), "write the tables anew: python tests/docs/tables.py"


def test_every_table_stands_in_a_page() -> None:
    assert sorted(name for _, name, _ in _PLACES) == sorted(TABLES)
