"""The marker `safety` compiles to the same gate as the assertion."""

from __future__ import annotations

from plugin.conftest import Example

TEST = """
import pytest

@pytest.mark.safety("policies/safety.yaml")
@pytest.mark.llm_cases([{"vars": {"q": "hi"}}])
def test_agent(case, trial):
    return "fine" if trial.index < LIMIT else "take 20 mg"
"""
POLICY = "rules: [{id: no-doses, denied: 'take [0-9]+ mg'}]"


def test_one_violation_fails_and_none_passes_with_its_bound(example: Example) -> None:
    example.files({"policies/safety.yaml": POLICY, "test_agent.py": TEST.replace("LIMIT", "1000")})
    ran = example.gate()
    gate = ran.gate("test_agent")
    assert (ran.verdicts, gate["type"], gate["name"], gate["n"]) == ({"test_agent": "pass"}, "safety", "safety", 299), (
        ran.text
    )
    example.files({"test_agent.py": TEST.replace("LIMIT", "50")})
    ran = example.gate()
    assert (ran.verdicts, ran.gate("test_agent")["n"]) == ({"test_agent": "fail"}, 51), ran.text
