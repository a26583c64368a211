"""What the package itself brings: names and where they live. One line a type; nothing here imports any of it."""

from __future__ import annotations

from pytest_llmgate.extensions.hookspecs import Register, hookimpl

_ASSERTIONS = {
    "equals": "pytest_llmgate.detectors.equals:EQUALS",
    "contains": "pytest_llmgate.detectors.contains:CONTAINS",
    "icontains": "pytest_llmgate.detectors.contains:ICONTAINS",
    "contains-any": "pytest_llmgate.detectors.contains:CONTAINS_ANY",
    "contains-all": "pytest_llmgate.detectors.contains:CONTAINS_ALL",
    "regex": "pytest_llmgate.detectors.regex:REGEX",
    "is-json": "pytest_llmgate.detectors.is_json:IS_JSON",
    "min-length": "pytest_llmgate.detectors.length:MIN_LENGTH",
    "max-length": "pytest_llmgate.detectors.length:MAX_LENGTH",
    "python": "pytest_llmgate.detectors.python_check:PYTHON",
    "latency": "pytest_llmgate.detectors.latency:LATENCY",
    "cost": "pytest_llmgate.detectors.cost:COST",
    "cost-regression": "pytest_llmgate.detectors.cost_regression:COST_REGRESSION",
    "refusal": "pytest_llmgate.detectors.refusal:REFUSAL",
    "finish-reason": "pytest_llmgate.detectors.finish_reason:FINISH_REASON",
    "tool-called": "pytest_llmgate.detectors.tool_called:TOOL_CALLED",
    "safety": "pytest_llmgate.detectors.safety:SAFETY",
    "moderation": "pytest_llmgate.detectors.moderation:MODERATION",
    "grounded": "pytest_llmgate.detectors.grounded:GROUNDED",
    "contradiction": "pytest_llmgate.detectors.contradiction:CONTRADICTION",
    "hallucination": "pytest_llmgate.detectors.hallucination:HALLUCINATION",
    "entailed": "pytest_llmgate.detectors.nli.entailed:ENTAILED",
    "similar": "pytest_llmgate.detectors.similar:SIMILAR",
    "llm-rubric": "pytest_llmgate.detectors.judges.assertion:LLM_RUBRIC",
    "g-eval": "pytest_llmgate.detectors.judges.assertion:GRADED",
    "factuality": "pytest_llmgate.detectors.judges.assertion:FACTS",
    "distribution": "pytest_llmgate.quantum.assertions:DISTRIBUTION",
    "equivalent": "pytest_llmgate.quantum.assertions:EQUIVALENT",
    "success-probability": "pytest_llmgate.quantum.assertions:SUCCESS_PROBABILITY",
    "expectation": "pytest_llmgate.quantum.assertions:EXPECTATION",
}

_PROVIDERS = {
    "openai": "pytest_llmgate.providers.openai:build",
    "openai-moderation": "pytest_llmgate.providers.moderation:build",
    "python": "pytest_llmgate.providers.python:build",
    "local": "pytest_llmgate.providers.local:build",
}

_BACKENDS = {
    "python": "pytest_llmgate.quantum.backends:open_python",
    "generic": "pytest_llmgate.quantum.backends:open_generic",
    "fake": "pytest_llmgate.quantum.backends:open_fake",
    "ibm": "pytest_llmgate.quantum.backends:open_ibm",
    "braket": "pytest_llmgate.quantum.backends:open_braket",
    "ionq": "pytest_llmgate.quantum.backends:open_ionq",
}
SIMULATORS = frozenset({"aer"})  # ours: they need no device to be opened

_REPORTS = {
    "html": "pytest_llmgate.reports.html:HtmlReport",
    "github": "pytest_llmgate.reports.github:GithubReport",
    "gitlab": "pytest_llmgate.reports.gitlab:GitlabReport",
    "sarif": "pytest_llmgate.reports.sarif:SarifReport",
    "markdown": "pytest_llmgate.reports.markdown:MarkdownReport",
    "badge": "pytest_llmgate.reports.badge:BadgeReport",
    "prometheus": "pytest_llmgate.reports.metrics:PrometheusReport",
    "otel": "pytest_llmgate.reports.otel:OtelReport",
}

_EXTRAS = {"local": "pytest-llmgate[local]"}

# Names of the published interface that a later version delivers: refused by name, never "unknown".
PENDING_ASSERTIONS: frozenset[str] = frozenset()
PENDING_PROVIDERS = frozenset({"anthropic", "ollama"})


@hookimpl
def llmgate_register_assertions(register: Register) -> None:
    for name, target in _ASSERTIONS.items():
        register(name, target)


@hookimpl
def llmgate_register_providers(register: Register) -> None:
    for name, target in _PROVIDERS.items():
        register(name, target, extra=_EXTRAS.get(name))


@hookimpl
def llmgate_register_backends(register: Register) -> None:
    for name, target in _BACKENDS.items():
        register(name, target)


@hookimpl
def llmgate_register_reports(register: Register) -> None:
    for name, target in _REPORTS.items():
        register(name, target)
