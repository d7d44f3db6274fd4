"""The two kinds of scripts: both formulas in torch or numpy alone, and the claim called on the
data.
"""

from __future__ import annotations

import math
import platform
import re
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from theorems.claim import Claim
from theorems.counterexamples.slicing import PlainFormulaError, plain_functions, slice_of
from theorems.impl.errors import InputError
from theorems.impl.numbers.literals import SPELT, UNPACK, construction, literal, types_in
from theorems.impl.numbers.operands import is_exact
from theorems.relations import Comparison
from theorems.relations.sequential import Sequential
from theorems.statements import UNSTATED
from theorems.verdict import Verdict

LONGEST = 120
"""Lines of a plain script; a longer one calls the claim."""
_LIBRARY = Path(__file__).parents[2]


def plain_script(claim: Claim, verdict: Verdict, seed: int) -> str:
    """Both formulas, the data, the comparison: torch or numpy alone."""
    relation = claim.relation
    if (
        not isinstance(relation, Comparison)
        or "shapes" in verdict.context
        or verdict.measured != verdict.measured
    ):
        raise PlainFormulaError("the relation is no comparison of numbers")
    definitions, imports = plain_functions({"observed": claim.observe, "predicted": claim.predict})
    formulas = "\n\n\n".join(definitions)
    # a claim widens its instance before it compares, and so does what is written here
    fields = {
        k: v for k, v in vars(verdict.instance.double()).items() if re.search(rf"\.{k}\b", formulas)
    }
    if types_in(tuple(fields.values())):
        raise PlainFormulaError("the data are objects of this library")
    exact = verdict.bound == 0
    numeric = "import torch" not in imports and not any("torch" in line for line in imports)
    part = verdict.context.get("part")
    sign = relation.signs.get(part or "", relation.sign)
    body = textwrap.indent("\n".join(f"{k}={literal(v)}," for k, v in fields.items()), "    ")
    if numeric:
        body, imports = _as_numpy(fields), imports | {"import numpy as np"}
    pick = "" if part is None else f"[{part!r}]"
    index = ", ".join(map(str, verdict.context.get("entry", ())))
    pick_entry = (
        f"left, right = left[{index}], right[{index}]  # the entry that is furthest off\n"
        if index
        else ""
    )
    wrong = {
        "=": "abs(left - right) > bound",
        "<=": "left - right > bound",
        ">=": "right - left > bound",
        ">": "left <= right",
    }
    code = f"""\
{formulas}


instance = SimpleNamespace(
{body}
)
bound = {verdict.bound!r}  # {"no operation rounds here" if exact else "on the rounding errors of both sides at this entry"}

left, right = observed(instance){pick}, predicted(instance){pick}
print("observed", left, "predicted", right, sep="\\n")
{pick_entry}refuted = bool({wrong[sign]})
print(f"{{'REFUTED' if refuted else 'HOLDS'}}: observed {{left}} {sign} predicted {{right}} is {{'false' if refuted else 'true'}}, bound {{bound}}")
raise SystemExit(not refuted)"""  # noqa: E501
    script = _assemble(claim, verdict, seed, imports | {"from types import SimpleNamespace"}, code)
    if len(script.splitlines()) > LONGEST:
        raise PlainFormulaError("the script would be long")
    return script


def _as_numpy(fields: dict[str, Any]) -> str:
    """The data as numpy arrays."""

    def array(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(array(v) for v in value)
        return value.detach().cpu().double().numpy() if isinstance(value, Tensor) else value

    lines = []
    for name, value in fields.items():
        flat = value if isinstance(value, tuple) else (value,)
        if any(
            isinstance(v, np.ndarray | Tensor) and not is_exact(v) and math.prod(v.shape) > SPELT
            for v in flat
        ):
            raise PlainFormulaError("the data are large")
        lines.append(f"    {name}={literal(array(value))},")
    return "\n".join(lines)


def claim_script(claim: Claim, verdict: Verdict, seed: int) -> str:
    """The claim called on the data."""
    base, _, rest = claim.name.partition(": ")
    own = not _in_library(claim)
    imports = {"import torch"}
    kinds = types_in(verdict.instance)
    quoted = ""
    if own:
        local = sorted(
            k.__name__
            for k in kinds
            if k.__module__.startswith(("theorems_file_", "__main__"))
            or k.__module__ == _module_of(claim)
        )
        try:
            quoted = slice_of(claim.file, [base, *local])
        except (KeyError, OSError) as error:
            raise InputError(
                f"expected {base} to be stated at the top level of {claim.file}, got "
                f"nothing: {error}"
            ) from error
        kinds = {k for k in kinds if k.__name__ not in local}
    else:
        imports.add(f"from theorems import {base}")
    imports |= {f"from {_home(kind)} import {kind.__qualname__}" for kind in kinds}
    chosen = base
    if rest:  # a mutant has no mutants of its own; a claim with a hypothesis dropped keeps them
        dropped = rest.startswith("without ") and bool(claim.changes)
        chosen += (
            f".without({rest.removeprefix('without ')!r})" if dropped else f".mutants[{rest!r}]"
        )
    # an open-ended run: the claim itself may state a fixed-size test
    if isinstance(claim.relation, Sequential):
        imports |= {
            "from dataclasses import replace",
            "from theorems.relations.sequential import Sequential",
        }
        law = f"getattr({chosen}.relation, 'law', {chosen}.relation)"
        how = f"alarm={claim.relation.alarm!r}, batches={claim.relation.batches}"
        chosen = f"replace({chosen}, relation=Sequential(law={law}, {how}))"
    data = construction(verdict.instance)
    # the sides of an asymptotic claim are those of the points of a path; the verdict has their
    # distances
    show = (
        ""
        if hasattr(verdict.instance, "path")
        else 'wide = instance.double()\nprint("observed", claim.observe(wide), "predicted", '
        'claim.predict(wide), sep="\\n")\n'
    )
    code = f"""\
claim = {chosen}
instance = {data}

verdict = claim(instance)
{show}print(verdict)
print(f"{{verdict.outcome.name}}: residual {{verdict.measured}}, bound {{verdict.bound}}")
raise SystemExit(verdict.outcome.name != "REFUTED")"""
    return _assemble(
        claim, verdict, seed, imports, f"{quoted.strip()}\n\n\n{code}" if quoted else code
    )


def _home(kind: type) -> str:
    """Where a script imports a type from: the public address, which stays when modules move."""
    from theorems import impl

    return impl.__name__ if getattr(impl, kind.__qualname__, None) is kind else kind.__module__


def _module_of(claim: Claim) -> str:
    return getattr(claim.observe, "__module__", "")


def _in_library(claim: Claim) -> bool:
    import theorems

    return getattr(theorems, claim.name.partition(": ")[0], None) is not None and Path(
        claim.file
    ).is_relative_to(_LIBRARY / "theorems")


def _assemble(claim: Claim, verdict: Verdict, seed: int, imports: set[str], code: str) -> str:
    """Docstring, imports, what was recorded, and the rest."""
    if "unpack(" in code:
        imports |= {"import base64", "import zlib", "import torch"}
        code = f"{UNPACK}\n\n{code}"
    if "Fraction(" in code:
        imports.add("from fractions import Fraction")
    if "np." in code:
        imports.add("import numpy as np")
    future = (
        "from __future__ import annotations\n\n"
        if "from __future__ import annotations" in code
        else ""
    )
    code = re.sub(r"^from __future__ import .*\n*", "", code, flags=re.MULTILINE)
    quoted = set(re.findall(r"^(?:import|from) .*$", code, flags=re.MULTILINE))
    recorded = {
        "claim": claim.name,
        "outcome": verdict.outcome.name,
        "grade": verdict.grade.name if verdict.grade is not None else None,
        "residual": repr(verdict.measured),
        "bound": repr(verdict.bound),
        "seed": seed,
        "versions": {"python": platform.python_version()}
        | {n: version(n) for n in ("theorems", "torch", "numpy")},
    }
    statement = (
        ""
        if claim.statement.startswith(UNSTATED)
        else "\n" + textwrap.indent(claim.statement.split("\n\n")[0], "") + "\n"
    )
    text = "\n".join(line.rstrip() for line in repr(verdict).splitlines())
    said = f"""Counterexample to {claim.name} ({claim.source.label}).
{statement}
{text}

Run it with python, or with `theorems replay`; the last line says whether the claim is still refuted here."""  # noqa: E501
    said = said.replace("\\", "\\\\").replace('"""', "'''")
    lines = sorted(
        imports - quoted,
        key=lambda line: (line.split()[1] in _OTHERS, line.startswith("from"), line),
    )
    head = "\n".join(line for line in lines if line.split()[1].split(".")[0] not in _OTHERS)
    rest = "\n".join(line for line in lines if line.split()[1].split(".")[0] in _OTHERS)
    parts = [_quote(said), future.strip(), head, rest, _pretty(recorded)]
    return "\n\n".join(part for part in parts if part) + f"\n\n\n{code}\n"


def _beside(claim: Claim, imports: set[str]) -> str:
    """Which files of the user's own the quoted part needs, if any."""
    if _in_library(claim):
        return ""
    folder = Path(claim.file).parent
    roots = sorted({line.split()[1].split(".")[0] for line in imports})
    needed = [
        root
        for root in roots
        if (folder / f"{root}.py").is_file() or (folder / root / "__init__.py").is_file()
    ]
    needed = [root for root in needed if root not in ("impl", "theorems")]
    return (
        f"\nIt needs {', '.join(needed)}, from beside {Path(claim.file).name}, on PYTHONPATH."
        if needed
        else ""
    )


_OTHERS = ("impl", "numpy", "theorems", "torch")


def _quote(text: str) -> str:
    return f'"""{text}\n"""'


def _pretty(value: dict[str, Any]) -> str:
    inner = "\n".join(f"    {key!r}: {entry!r}," for key, entry in value.items())
    return f"RECORDED = {{\n{inner}\n}}"
