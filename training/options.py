"""What `leadline train` may be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from training.selection import Rule

THOROUGH_REPEATS: Final = 3


@dataclass(frozen=True)
class Options:
    """
    One training run.

    Attributes:
        out: Folder of the bundle; it is made, or the bundle in it replaced.
        data1: CSV file; None for both takes the real set from the `dmba` package.
        data2: CSV file.
        select_by: What counts first in the choice.
        candidates: Names of candidates; None: all.
        contact_cost: What one contact costs; with `loan_value` it sets the threshold. None for both: even odds.
        loan_value: What one loan brings, in the same currency.
        budget: Share of the customers that can be contacted; it sets the threshold instead of the two.
        seed: The same seed gives the same scores to the bit.
        key: Private key (PEM) to sign with; None: the development key, made on first use.
        id_key: Key of the training IDs' hashes; None: derived from the signing key.
        allow_training_rows: Whether a model may be packed that keeps rows of customers, such as an SVM.
        thorough: Whether the cross-validation is repeated, on new folds each time.
        reserve_share: Share of the customers with an outcome to keep back, unseen by everything; None: of nobody.
        reserve_out: Folder for their two files; None: beside `out`, under its name and `-reserve`.
        jobs: Processes; -1: as many as there are cores. It does not change the scores.
        clock: Tells the time for the manifest.
    """

    out: Path
    data1: Path | None = None
    data2: Path | None = None
    select_by: Rule = "accuracy"
    candidates: Sequence[str] | None = None
    contact_cost: float | None = None
    loan_value: float | None = None
    budget: float | None = None
    seed: int = 0
    key: Path | None = None
    id_key: bytes | None = None
    allow_training_rows: bool = False
    thorough: bool = False
    reserve_share: float | None = None
    reserve_out: Path | None = None
    jobs: int = -1
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def reserve_folder(self) -> Path:
        """Where the files of the customers go that are kept back."""
        return self.reserve_out or self.out.with_name(f"{self.out.name}-reserve")

    @property
    def repeats(self) -> int:
        """How often the cross-validation is done."""
        return THOROUGH_REPEATS if self.thorough else 1
