"""
Put small faults into the source, one by one, and count how many of them the unit tests notice.

    python -m tests.mutants [worker/lease.py ...] [--processes 1] [--floor 85]

Which files and tests: `[tool.mutmut]` in pyproject.toml. Each fault meets only the tests that reach its function.
The sources with their faults go to mutants/; `mutmut browse` walks through them. Exit 3: a file is below the floor.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path("mutants")  # mutmut's own name for it
MUTMUT: Final = Path(sys.executable).with_name("mutmut")
NOTICED: Final = frozenset({"killed", "timeout"})

Fates = Mapping[str, Sequence[tuple[str, str]]]
"""By file: each mutant's name and what became of it."""


def main() -> None:
    """Run by the command line's arguments, and print the score of each file and what was not noticed."""
    files = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"some of {', '.join(files)}; by default all")
    parser.add_argument("--processes", type=int, default=1, help="mutants tried at once")
    parser.add_argument("--floor", type=float, default=85.0, help="lowest score, in percent")
    arguments = parser.parse_args()
    if strangers := set(arguments.files) - set(files):
        parser.error(f"not in [tool.mutmut] only_mutate of pyproject.toml: {', '.join(sorted(strangers))}")
    chosen = arguments.files or files
    run(chosen, arguments.processes)
    found = fates(chosen)
    for name in survivors(found):
        print(f"{name}\n{change(name)}")
    print(table(found))
    sys.exit(3 if any(score(mutants) < arguments.floor for _, mutants in found.items()) else 0)


def run(files: Sequence[str], processes: int) -> None:
    """
    Try the mutants of the files, from scratch: mutmut would keep verdicts that newer tests may change.

    It is told the names even of all, since only then does it make sure that it can call each test by its id. One that
    it cannot call fails for every mutant, and counts as having noticed it.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    patterns = [f"{module(file)}.*" for file in files]
    on_screen = sys.stdout.isatty()
    done = subprocess.run(
        [MUTMUT, "run", "--max-children", str(processes), *patterns],
        stdout=None if on_screen else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout or ''}\nmutmut failed; its output stands above")


def fates(files: Sequence[str]) -> Fates:
    """Ask what became of each mutant."""
    by_module: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in ask("results", "--all", "true").splitlines():
        name, _, fate = line.strip().rpartition(": ")
        by_module[name.rpartition(".")[0]].append((name, fate))
    return {file: by_module[module(file)] for file in files}


def survivors(found: Fates) -> list[str]:
    """Return the names of those that no test noticed."""
    return [name for mutants in found.values() for name, fate in mutants if fate not in NOTICED]


def score(mutants: Sequence[tuple[str, str]]) -> float:
    """Return how many percent were noticed."""
    return 100 * sum(fate in NOTICED for _, fate in mutants) / max(1, len(mutants))


def table(found: Fates) -> str:
    """Show the score of each file."""
    lines = [f"{'file':28}{'score':>7}{'noticed':>9}{'of':>6}"]
    for file, mutants in found.items():
        noticed = sum(fate in NOTICED for _, fate in mutants)
        lines.append(f"{file:28}{score(mutants):6.1f}%{noticed:9}{len(mutants):6}")
    return "\n".join(lines)


def change(name: str) -> str:
    """Show what a mutant changes."""
    lines = ask("show", name).splitlines()
    return "\n".join(f"    {line}" for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++"))


def module(file: str) -> str:
    """Return the dotted name of a file."""
    return file.removesuffix(".py").replace("/", ".")


def ask(*words: str) -> str:
    """Return what mutmut says."""
    return subprocess.run([MUTMUT, *words], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
