"""
How good is what `leadline train` packs, on customers that it has never seen? Ten splits, through the commands.

    python benchmarks/ten_splits.py [--splits 10] [--seed 1000] [-- OPTIONS OF TRAIN]

Each split hides 1,000 labelled customers by lot and by class, gives the other 4,000 (blank labels among them) to
`leadline train`, scores the hidden ones with `leadline score`, and measures. Printed: every split, mean and sd.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from training.columns import DATA1, DATA2, LABEL_COLUMN
from training.public_set import csv_texts

HIDDEN: Final = 1000
BINS: Final = 10


def main() -> None:
    """Run by the command line's arguments, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1000, help="of the first split")
    parser.add_argument("train_options", nargs="*", help="passed on to leadline train")
    arguments = parser.parse_args()
    table = whole_table()
    rows = []
    for seed in range(arguments.seed, arguments.seed + arguments.splits):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one_split(table, seed, Path(folder), arguments.train_options))
        print(seed, " ".join(f"{name}={value:.4f}" for name, value in rows[-1].items()), flush=True)
    names = list(rows[0])
    summary = {
        name: [float(np.mean([r[name] for r in rows])), float(np.std([r[name] for r in rows]))] for name in names
    }
    for name, (mean, sd) in summary.items():
        print(f"{name:20}{mean:9.4f}  sd {sd:.4f}")
    print(json.dumps(summary))


def whole_table() -> pd.DataFrame:
    """Return the real set as one table, as text, indexed by ID."""
    first, second = (
        pd.read_csv(StringIO(text), dtype=str, keep_default_na=False).set_index("ID") for text in csv_texts()
    )
    return first.join(second, validate="one_to_one")


def one_split(table: pd.DataFrame, seed: int, folder: Path, options: list[str]) -> dict[str, float]:
    """Hide some, train on the rest, score the hidden, measure."""
    labelled = table[table[LABEL_COLUMN] != ""]
    _, hidden = train_test_split(labelled.index, test_size=HIDDEN, stratify=labelled[LABEL_COLUMN], random_state=seed)
    files = write(table.drop(index=hidden), folder, "train")
    secret = write(table.loc[hidden].assign(**{LABEL_COLUMN: ""}), folder, "hidden")
    started = time.monotonic()
    run("train", "--data1", files[0], "--data2", files[1], "--out", folder / "model", *options)
    seconds = time.monotonic() - started
    run("score", *secret, "--model", folder / "model", "--out", folder / "scores.csv")
    scores = pd.read_csv(folder / "scores.csv", dtype={"ID": str}).set_index("ID").loc[hidden, "score"].to_numpy()
    labels = table.loc[hidden, LABEL_COLUMN].astype(int).to_numpy()
    return {**measure(labels, scores), "train_seconds": seconds}


def write(table: pd.DataFrame, folder: Path, name: str) -> tuple[Path, Path]:
    """Write two files as a bank would."""
    paths = folder / f"{name}1.csv", folder / f"{name}2.csv"
    for path, columns in zip(paths, (DATA1, DATA2), strict=True):
        table.reset_index()[[*columns]].to_csv(path, index=False)
    return paths


def run(*words: object) -> None:
    """Run a verb, and end with its words if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "leadline", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"leadline {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")


def measure(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the figures, worked out here and not by the code that is judged."""
    order = np.argsort(-scores, kind="stable")
    bins = np.array_split(order, BINS)
    return {
        "accuracy": float(((scores >= 0.5) == labels).mean()),
        "roc_auc": float(roc_auc_score(labels, scores)),
        "average_precision": float(average_precision_score(labels, scores)),
        "log_loss": float(log_loss(labels, scores)),
        "brier": float(brier_score_loss(labels, scores)),
        "calibration_error": sum(abs(scores[b].mean() - labels[b].mean()) * len(b) for b in bins) / len(labels),
        "top_5": float(labels[order[: len(labels) // 20]].mean()),
        "top_10": float(labels[order[: len(labels) // 10]].mean()),
    }


if __name__ == "__main__":
    main()
