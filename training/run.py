"""The road of a model: load, features, candidates, selection, one look at the test set, refit, pack, sign."""

import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from propensity.bundle import pack, sign_bundle
from propensity.economics import economics_from
from propensity.features import FEATURES, OPTIONAL
from propensity.signing import development_keys, public_pem
from schemas.manifest import Manifest
from training import candidates, data
from training.draft import compiled, draft_manifest, refit
from training.evaluate import Progress, silent
from training.fitting import Offered
from training.folder import check_destination, whole_folder
from training.history import check_record, record
from training.judge import Compared, judge, plan, unpackable
from training.options import Options
from training.pack import id_key
from training.report.documents import documents
from training.reserve import check_reserve_out, split_reserve, write_reserve
from training.selection import Choice, check_packable
from training.sensitive import FeatureChoice
from training.story import tell


class Trained(NamedTuple):
    """What came of a training run."""

    folder: Path
    manifest: Manifest
    choice: Choice
    beyond: str
    comparison: tuple[Compared, ...]
    features: FeatureChoice
    seconds: float


def train(options: Options, progress: Progress = silent) -> Trained:
    """
    Train, compare, choose, pack and sign. On an error nothing is written, and a bundle that was there stays as it was.

    Args:
        options: What to do.
        progress: Called as the work goes on.

    Raises:
        DataError: The data cannot be used.
        UnknownCandidate: No candidate has that name.
        NonePackable: All candidates keep rows of customers inside, and that was not allowed.
        BadEconomics: No campaign can live on these costs and values.
        BadKey: The private key cannot be used.
        DestinationError: The folder holds something else, or cannot be written.
    """
    began = time.perf_counter()
    # What can be refused is refused before the work.
    compared = candidates.choose(options.candidates)
    check_packable([one.name for one in compared], unpackable(compared, options))
    economics = economics_from(options.contact_cost, options.loan_value, options.budget)
    check_destination(options.out)
    check_record(options.out)
    if options.reserve_share is not None:
        check_reserve_out(options.reserve_folder)
    key = options.key or development_keys()[0]
    public_pem(key)

    table, reserve = data.load(options.data1, options.data2), None
    if options.reserve_share is not None:
        table, reserve = split_reserve(table, options.reserve_share, options.seed)
    everything = _offered(data.labelled(table))
    rows = plan(everything.labels, options)
    judged = judge(compared, everything, rows, economics, options, progress)
    winner = refit(judged, everything, options)
    draft = draft_manifest(winner, judged, table, economics, options.id_key or id_key(key), options)
    files = {**documents(tell(judged, winner, everything, rows, draft, table)), **compiled(winner, draft)}
    with whole_folder(options.out) as folder:
        manifest = pack(folder, winner.pickled, draft, files)
        sign_bundle(folder, key)
        if reserve is not None:
            write_reserve(reserve, options.reserve_folder)
    seconds = time.perf_counter() - began
    record(options.out, manifest, judged.choice.reasons, seconds)
    return Trained(options.out, manifest, judged.choice, judged.beyond, judged.comparison, judged.features, seconds)


def _offered(rows: pd.DataFrame) -> Offered:
    names = (*FEATURES, *OPTIONAL)
    return Offered(data.matrix(rows, names), data.labels(rows), names)
