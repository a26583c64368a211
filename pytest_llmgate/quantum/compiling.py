"""Circuits as they are really run: idle qubits dropped, and for a device translated to its gates and its coupling.

One fixed setting for everybody, so that a circuit and its reference are compiled alike; compiled differently, two equal
circuits may differ by a TVD of 0.02 under noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qiskit import QuantumCircuit
from qiskit.circuit import (
    BreakLoopOp,
    ContinueLoopOp,
    Delay,
    ForLoopOp,
    IfElseOp,
    Measure,
    Parameter,
    Reset,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import CXGate, CZGate, ECRGate, IGate, RZGate, SXGate, XGate
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager, Target, generate_preset_pass_manager

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.quantum.calibration import Calibration
from pytest_llmgate.quantum.channels import gate_channel
from pytest_llmgate.quantum.load import used_qubits
from pytest_llmgate.quantum.noise import Device, aer_error

TRANSPILE_SETTINGS: Final[Mapping[str, Any]] = {"optimization_level": 1, "seed": 7, "initial_layout": "0 … n-1"}

_PAIR_GATES = {"cx": CXGate, "cz": CZGate, "ecr": ECRGate}
_CONTROL_FLOW = {
    "if_else": IfElseOp,
    "while_loop": WhileLoopOp,
    "for_loop": ForLoopOp,
    "switch_case": SwitchCaseOp,
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
}
# What the methods of Aer run by themselves: a circuit without noise stays as written as far as they do.
_CLIFFORD = (
    "cx", "cz", "ecr", "h", "id", "s", "sdg", "swap", "sx", "sxdg", "x", "y", "z", "delay", "measure", "reset",
)  # fmt: skip
_AER_GATES = {
    "stabilizer": (*_CLIFFORD, "cy", "rz"),
    "extended_stabilizer": (*_CLIFFORD, "ccx", "ccz", "p", "t", "tdg"),
    "": (*_CLIFFORD, "ccx", "cp", "cy", "p", "r", "rx", "rz", "rxx", "ry", "ryy", "rzx", "rzz", "t", "tdg", "u"),
}


def without_idle_qubits(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit on the qubits that it uses, at least one."""
    if len({bit for step in circuit.data if step.is_standard_gate() for bit in step.qubits}) == circuit.num_qubits:
        return circuit  # seen without looking into definitions
    kept = used_qubits(circuit) or (0,)
    if len(kept) >= circuit.num_qubits:
        return circuit
    bits = {circuit.qubits[index] for index in kept}
    smaller = QuantumCircuit(
        [circuit.qubits[index] for index in kept], circuit.clbits, *circuit.cregs, global_phase=circuit.global_phase
    )
    for variable in circuit.iter_declared_vars():
        smaller.add_uninitialized_var(variable)
    for instruction in circuit.data:
        qubits = [qubit for qubit in instruction.qubits if qubit in bits]
        operation = instruction.operation
        if len(qubits) == len(instruction.qubits):
            smaller.append(operation, qubits, instruction.clbits)
        elif operation.name == "barrier" and qubits:
            smaller.barrier(qubits)
    return smaller


def pass_manager(device: Device, method: str = "") -> PassManager:
    """What compiles circuits for a device, or without noise translates gates that a method of Aer does not know."""
    if device.calibration is None:
        names = [*_AER_GATES.get(method, _AER_GATES[""]), *_CONTROL_FLOW]
        target = Target.from_configuration(names, custom_name_mapping=dict(_CONTROL_FLOW))
        return generate_preset_pass_manager(0, target=target, seed_transpiler=TRANSPILE_SETTINGS["seed"])
    return generate_preset_pass_manager(
        optimization_level=TRANSPILE_SETTINGS["optimization_level"],
        target=_target(device.calibration),
        initial_layout=list(range(device.n)),
        seed_transpiler=TRANSPILE_SETTINGS["seed"],
    )


def compile_all(
    manager: PassManager, circuits: Sequence[QuantumCircuit], where: Where | None = None
) -> list[QuantumCircuit]:
    """Circuits as they run. Raises LlmgateError `circuit-untranslatable` where Qiskit cannot translate one."""
    try:
        return list(manager.run(list(circuits), num_processes=1))
    except QiskitError as fault:
        message = str(fault.message).strip().splitlines()[0][:300]
        hint = "write the circuit with gates that Qiskit can decompose"
        raise problem("circuit-untranslatable", f"the circuit cannot be compiled: {message}", where, hint) from None


def _target(calibration: Calibration) -> Target:
    """Gates and coupling without error rates, so that nothing but the coupling steers the compiler."""
    n = len(calibration.qubits)
    target = Target(num_qubits=n)
    everywhere = {(qubit,): None for qubit in range(n)}
    for gate in (RZGate(Parameter("angle")), SXGate(), XGate(), IGate(), Measure(), Reset(), Delay(Parameter("time"))):
        target.add_instruction(gate, dict(everywhere))
    pairs = None if calibration.any_pair is not None else dict.fromkeys(calibration.pairs)
    if n > 1:
        target.add_instruction(_PAIR_GATES[calibration.pair_gate](), pairs)
    for name, operation in _CONTROL_FLOW.items():
        target.add_instruction(operation, name=name)
    return target


def with_relaxing_delays(circuit: QuantumCircuit, device: Device, where: Where | None = None) -> QuantumCircuit:
    """The circuit with relaxation after each delay, which a compiled circuit keeps but simulators skip.

    Delays inside of control flow are left as they are. Raises LlmgateError `circuit-delay` for a delay in `dt`,
    which no snapshot defines.
    """
    if device.calibration is None or "delay" not in circuit.count_ops():
        return circuit
    found = circuit.copy_empty_like()
    for instruction in circuit.data:
        found.append(instruction.operation, instruction.qubits, instruction.clbits)
        if instruction.operation.name == "delay":
            (qubit,) = (circuit.find_bit(bit).index for bit in instruction.qubits)
            length = _nanoseconds(instruction.operation, where)
            channel = gate_channel((device.calibration.qubits[qubit],), 0.0, length)
            if channel is not None:
                found.append(aer_error(channel), instruction.qubits)
    return found


def _nanoseconds(delay: Any, where: Where | None) -> float:
    factor = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}.get(delay.unit)
    if factor is None:
        message = f"a delay in {delay.unit!r} has no length on this device"
        raise problem("circuit-delay", message, where, "write it in ns, us, ms or s")
    return float(delay.duration) * factor
