"""Prompt templates: what they see, what they refuse, and that hostile ones cost little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Problem, Where
from pytest_llmgate.subjects.guard import Guard
from pytest_llmgate.subjects.sandbox import MAX_TEXT, environment
from pytest_llmgate.subjects.template_shape import data_size, shape_of
from pytest_llmgate.subjects.templates import PromptTemplate


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


def prompt(text: str, guard: Guard | None = None) -> PromptTemplate:
    return PromptTemplate.compile(({"role": "user", "content": text},), Where("prompts/p.j2"), guard)


def text_of(text: str, guard: Guard | None = None, **values: object) -> str:
    (message,) = prompt(text, guard).render(Case(id="c1", vars=values))
    assert isinstance(message["content"], str)
    return message["content"]


def fault_of(text: str, guard: Guard | None = None, **values: object) -> Problem:
    with pytest.raises(LlmgateError) as caught:
        text_of(text, guard, **values)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello {{ name }}!\n", "Hello Ann!"),
        ("{{ person.city }} {{ items[0] }}", "Paris a"),
        ("{% if items %}yes{% else %}no{% endif %}", "yes"),
        ("{% for item in items %}{{ loop.index }}:{{ item }} {% endfor %}", "1:a 2:b "),
        ("{{ items|join(', ') }} {{ name|upper }} {{ person|tojson }}", 'a, b ANN {"city": "Paris"}'),
        ("{{ missing|default('none') }}", "none"),
        ("<b>{{ markup }}</b>", "<b><i>&</i></b>"),
    ],
)
def test_plain_templates_need_no_child_process(text: str, expected: str) -> None:
    class NoGuard(Guard):
        def render(self, source: str, values: object, room: int) -> str:
            raise AssertionError(f"sent to the child: {source}")

    values = {"name": "Ann", "person": {"city": "Paris"}, "items": ["a", "b"], "markup": "<i>&</i>"}
    assert text_of(text, NoGuard(), **values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% set who = name ~ '!' %}{{ who }}", "Ann!"),
        ("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(name) }}", "AnnAnn"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{% for row in rows %}{% for x in row %}{{ x }}{% endfor %};{% endfor %}", "12;3;"),
        ("{% for k, v in person.items() %}{{ k }}={{ v }}{% endfor %}", "city=Zürich \U0001f600"),
    ],
)
def test_other_templates_give_the_same_text_from_the_child(text: str, expected: str, guard: Guard) -> None:
    assert not shape_of(environment(), text).plain
    assert text_of(text, guard, name="Ann", rows=[[1, 2], [3]], person={"city": "Zürich \U0001f600"}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a'*900000000 }}",
        "{{ 'a'|center(900000000) }}",
        "{{ 'aaa'|replace('a', 'b'*10000000)|replace('b', 'c'*100) }}",
        "{{ '%900000000d'|format(1) }}",
        "{{ '{0:900000000}'.format(1) }}",
        "{% set x = 'a'*1000 %}{% for i in range(60) %}{% set x = x ~ x %}{{ x }}{% endfor %}" * 11,
    ],
)
def test_a_template_that_eats_memory_is_refused(text: str, guard: Guard) -> None:
    assert fault_of(text, guard).code == "template-limits"


def test_a_template_that_eats_time_is_stopped_and_the_next_one_renders() -> None:
    guard = Guard(render_s=1.0)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    assert fault_of(endless, guard).code == "template-limits"
    assert guard.render("{{ 1 + x }}", {"x": 1}, 100) == "2"
    guard.close()


def test_endless_recursion_is_an_error_not_a_crash(guard: Guard) -> None:
    fault = fault_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", guard)
    assert fault.code == "template-render"
    assert "RecursionError" in fault.message


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ x.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ x.format.__self__ }}",
    ],
)
def test_the_sandbox_has_no_way_out(text: str, guard: Guard) -> None:
    assert fault_of(text, guard, x="hello").code in ("template-render", "template-undefined")


def test_the_child_sees_no_environment_variable_of_ours(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    fresh = Guard()
    assert fresh.render("{{ x * 2 }}", {"x": 2}, 10) == "4"
    child = fresh._child
    assert child is not None
    try:
        with open(f"/proc/{child.pid}/environ", "rb") as environ:
            assert b"sk-secret" not in environ.read()
    except FileNotFoundError:
        pytest.skip("this platform has no /proc")
    finally:
        fresh.close()


def test_an_undefined_variable_names_itself_its_line_the_case_and_what_there_is() -> None:
    fault = fault_of("one\ntwo {{ city }}", q="x", lang="en")
    assert str(fault) == (
        "prompts/p.j2:2: 'city' is undefined in the prompt for case 'c1'; the case has: lang, q [template-undefined]"
    )


def test_an_undefined_variable_in_the_child_says_the_same(guard: Guard) -> None:
    fault = fault_of("one\n{{ city ~ '' }}", guard, q="x")
    assert (fault.code, str(fault.where)) == ("template-undefined", "prompts/p.j2:2")
    assert "'city' is undefined" in fault.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ q", "unexpected end of template"),
        ("a\n{% if %}", "Expected an expression"),
        ("{{ q|shout }}", "no filter named 'shout'"),
        ("{{ q is loud }}", "no test named 'loud'"),
        ("{% include 'other.j2' %}", "cannot include"),
        ("{% extends 'other.j2' %}", "cannot include"),
        ("{% from 'x' import y %}", "cannot include"),
        ("{{ items|random }}", "no filter named 'random'"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "too deep"),
        ("{{ " + "9" * 5000 + " }}", "too large"),
        ("x" * (MAX_TEXT + 1), "longer than"),
    ],
)
def test_what_can_never_render_is_found_when_it_is_read(text: str, words: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        prompt(text)
    (fault,) = caught.value.problems
    assert fault.code == "template-syntax"
    assert words in fault.message
    assert fault.where is not None
    assert fault.where.path == "prompts/p.j2"


def test_a_syntax_error_names_the_line_of_the_file() -> None:
    with pytest.raises(LlmgateError, match=r"^prompts/p\.j2:3: "):
        prompt("one\ntwo\n{{ q | }}")


def test_in_a_message_list_the_error_names_the_message() -> None:
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "a\n{{ q"})
    with pytest.raises(LlmgateError, match=r"^chat\.yaml:7: the prompt, message 2 \(user\), line 2 of the text: "):
        PromptTemplate.compile(messages, Where("chat.yaml", 7))


def test_a_line_within_a_text_is_not_given_as_a_line_of_the_yaml_file_around_it() -> None:
    with pytest.raises(LlmgateError, match=r"^chat\.yaml: the prompt, line 2 of the text: "):
        PromptTemplate.compile(({"role": "user", "content": "a\n{{ q"},), Where("chat.yaml"))


@pytest.mark.parametrize("text", ["{{ q.upper }}", "{{ q|map('upper') }}"])
def test_what_would_print_a_memory_address_is_an_error(text: str, guard: Guard) -> None:
    assert fault_of(text, guard, q="x").code == "template-render"


def test_text_longer_than_the_limit_is_refused_over_all_messages_together() -> None:
    half = "{{ x }}"
    messages = ({"role": "system", "content": half}, {"role": "user", "content": half})
    template = PromptTemplate.compile(messages)
    size = MAX_TEXT // 2
    assert len(template.render_vars({"x": "a" * size})) == 2
    with pytest.raises(LlmgateError, match="more than 1,000,000 characters"):
        template.render_vars({"x": "a" * (size + 1)})


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("one text", "one text"),
        (("first", "second"), "first\n\nsecond"),
        (({"id": "a", "text": "first"}, {"id": "b", "text": "second"}), "first\n\nsecond"),
    ],
)
def test_context_is_one_text_whatever_its_form(context: object, expected: str) -> None:
    (message,) = prompt("{{ context }}").render(Case(id="c", context=context))  # type: ignore[arg-type]
    assert message["content"] == expected


def test_a_var_named_context_wins_and_a_missing_context_is_undefined() -> None:
    (message,) = prompt("{{ context }}").render(Case(id="c", vars={"context": "mine"}, context="other"))
    assert message["content"] == "mine"
    with pytest.raises(LlmgateError, match="'context' is undefined"):
        prompt("{{ context }}").render(Case(id="c"))


def test_content_parts_are_filled_and_everything_else_is_left_alone() -> None:
    parts = [{"type": "text", "text": "Look: {{ q }}"}, {"type": "image_url", "image_url": {"url": "{{ q }}"}}]
    messages = ({"role": "user", "content": parts, "name": "{{ q }}"}, {"role": "assistant", "content": None})
    filled = PromptTemplate.compile(messages).render_vars({"q": "cat"})
    assert filled[0] == {
        "role": "user",
        "content": [{"type": "text", "text": "Look: cat"}, {"type": "image_url", "image_url": {"url": "{{ q }}"}}],
        "name": "{{ q }}",
    }
    assert filled[1] == {"role": "assistant", "content": None}
    assert parts[0]["text"] == "Look: {{ q }}", "the plan's own messages must not change"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "{{ x }}",
                "{{ x|upper }}",
                "{{ x|tojson }}",
                "{% for c in x %}{{ c|lower }}{{ x|length }}{% endfor %}",
                " t ",
            ]
        ),
        max_size=5,
    ),
    st.text(max_size=200),
)
def test_a_plain_template_writes_no_more_than_its_shape_allows(pieces: list[str], value: str) -> None:
    source = "".join(pieces)
    shape = shape_of(environment(), source)
    size = len(source) + data_size({"x": value}, 10**9)
    assert shape.plain
    # Case mappings can triple a character ("ŉ", "ΐ"); the work bound counts what is scanned.
    assert len(text_of(source, x=value)) <= 3 * size * (shape.outer + shape.inner * size)


def test_chained_amplifying_filters_are_not_plain() -> None:
    sandbox = environment()
    assert shape_of(sandbox, "{{ x|tojson }}").plain
    assert not shape_of(sandbox, "{{ x|tojson|tojson }}").plain
    assert not shape_of(sandbox, "{{ x|join(',')|upper|join(',') }}").plain
    assert not shape_of(sandbox, "{{ x|join(y) }}").plain
    assert not shape_of(sandbox, "{{ x|tojson(indent=1000) }}").plain


def test_large_data_in_a_loop_goes_to_the_child() -> None:
    shape = shape_of(environment(), "{% for c in x %}{{ x|upper|length }}{% endfor %}")
    assert shape.fits("", {"x": "a" * 10})
    assert not shape.fits("", {"x": "a" * 100_000})


def test_data_that_contains_itself_ends() -> None:
    knot: list[object] = []
    knot.append(knot)
    assert data_size(knot, 1000) > 1000
    assert fault_of("{{ x ~ '' }}", x=knot).code == "template-render"
