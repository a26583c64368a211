"""What the tests of one suite or module share while their drafts are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import SUITE_SUFFIX, GatePlan, ModelPlan
from pytest_llmgate.core.ports import AssertionTypes
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.cases import read_cases
from pytest_llmgate.suites.content import content_digests
from pytest_llmgate.suites.gates import GateReader
from pytest_llmgate.suites.layers import Entry, Layer, rebased
from pytest_llmgate.suites.models import Models
from pytest_llmgate.suites.opt_out import marked
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.prompts import Prompts
from pytest_llmgate.suites.variables import expand

_PLAIN = ("cover", "stop", "target", "max_errors", "baseline_trials", "deadline_s")


@dataclass(frozen=True, slots=True)
class Workshop:
    """One suite file or module: its layers, and everything that its tests are made with."""

    file: str
    files: SuiteFiles
    layers: Layer
    settings: Settings
    gates: GateReader
    models: Models
    prompts: Prompts
    problems: Problems
    _cases: dict[tuple[object, ...], tuple[Case, ...]] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        file: str,
        files: SuiteFiles,
        layers: Layer,
        settings: Settings,
        assertions: AssertionTypes,
        problems: Problems,
        *,
        providers: Collection[str],
        env: Mapping[str, str],
    ) -> Workshop:
        """A workshop whose models and prompts have been checked, used or not."""
        models = Models(layers, files, settings.models, env, providers, offline=settings.record == "replay")
        prompts = Prompts(layers.prompts, files)
        models.check_all(problems)
        prompts.check_all(problems)
        required = "require_baseline" in layers.suite and layers.suite["require_baseline"].value is True
        gates = GateReader(assertions, files, problems, required)
        return cls(file, files, layers, settings, gates, models, prompts, problems)

    @property
    def name(self) -> str:
        """The suite's name: as written, else that of its file."""
        return self.layers.text("suite") or self.stem

    @property
    def stem(self) -> str:
        """The file's name without its endings."""
        name = PurePosixPath(self.file).name
        return name.removesuffix(SUITE_SUFFIX) if name.endswith(SUITE_SUFFIX) else PurePosixPath(name).stem

    def seed(self, own: int | None = None) -> int:
        """The root seed: the command line's or profile's, the test's own, the suite's, else 0."""
        if self.settings.seed is not None:
            return self.settings.seed
        if own is not None:
            return own
        return int(self.layers.suite["seed"].value) if "seed" in self.layers.suite else 0

    def ceiling(self, keys: Mapping[str, Entry]) -> int | None:
        """The ceiling of trials that somebody gave, the command line's or profile's first."""
        own = keys["trials"].node.value if "trials" in keys else None
        return self.settings.trials if self.settings.trials is not None else own

    def cases(self, entry: Entry | None) -> tuple[Case, ...]:
        """The cases of a test; a file is read once."""
        if entry is None:
            return read_cases(None, self.files, self.problems)
        if not isinstance(entry.node.value, str):
            return self._read_cases(entry)
        key = (entry.files.base, entry.node.value)
        if key not in self._cases:
            self._cases[key] = self._read_cases(entry)
        return self._cases[key]

    def _read_cases(self, entry: Entry) -> tuple[Case, ...]:
        return marked(read_cases(entry.node, entry.files, self.problems), self.settings.opt_out)

    def model(self, entry: Entry | None) -> ModelPlan | None:
        """The model of a test: as written, else the only one there is. Raises LlmgateError."""
        if entry is None:
            only = self.models.only()
            return None if only is None else self.models.find(only, None)
        alias = expand(entry.node.value, self.models.env, entry.node.where)
        return self.models.find(alias, entry.node.where)

    def judges(self, gates: Sequence[GatePlan]) -> dict[str, ModelPlan]:
        """The models that gates ask about replies, by alias. Raises LlmgateError for one that does not exist."""
        asking = [gate for gate in gates if getattr(self.gates.factory(gate), "asks_model", False)]
        return {gate.params["model"]: self.models.find(gate.params["model"], gate.where) for gate in asking}

    def shared(self, keys: Mapping[str, Entry]) -> dict[str, Any]:
        """The fields of a plan that are the same for every kind of test."""
        plain = {name: keys[name].node.value for name in _PLAIN if name in keys}
        return {
            "suite": self.name,
            "file": self.file,
            "base": self.files.shown(self.files.base.resolve()),
            "cassette": str(PurePosixPath(self.file).with_name(f"{self.stem}.cassette.jsonl")),
            **plain,
        }

    def content(self, keys: Mapping[str, Entry], *values: Any) -> dict[str, str]:
        """Digests of the files that a test's keys and other values name."""
        named = [rebased(entry.node.value, entry.files, self.files) for entry in _paths(keys)]
        return content_digests([*named, *values], self.files)


def _paths(keys: Mapping[str, Entry]) -> list[Entry]:
    return [
        keys[name]
        for name in ("cases", "function", "circuit")
        if name in keys and isinstance(keys[name].node.value, str)
    ]
