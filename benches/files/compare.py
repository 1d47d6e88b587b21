"""Times `tidewatch drift` and `tidewatch evaluate` beside what people write instead, each in a process of its own, and prints a line for each.

    compare.py TIDEWATCH FOLDER [table|long|large ...]

table: 1,000,000 rows of 20 columns, as CSV and as Parquet; long: 2,100,000 rows of 4 columns; large: 1 GB (only for TIDEWATCH).
"""

import os
import subprocess
import sys

import numpy as np
import pandas as pd

FEATURES = 14
KINDS = ["card", "transfer", "cash", "voucher", "debit"]


def table(rows, seed, shift, columns=20):
    """A table of features and of predictions at once: 17 features, `prediction`, `actual` and `score`; or 4 columns."""
    random = np.random.default_rng(seed)
    score = np.round(random.beta(0.8, 1.6, rows), 6)
    data = {
        "prediction": np.where(score > 0.5, "yes", "no"),
        "actual": np.where(random.random(rows) < score, "yes", "no"),
        "score": score,
    }
    if columns == 4:
        data["amount"] = np.round(random.lognormal(3, 1, rows), 2)
        return pd.DataFrame(data)
    for place in range(FEATURES):
        values = random.normal(shift * (place % 3), 1 + place / 10, rows)
        data[f"x{place}"] = np.round(values, 4) if place % 2 else values
    data["count"] = random.poisson(40, rows)
    data["kind"] = random.choice(KINDS, rows)
    data["flag"] = random.random(rows) < 0.3
    return pd.DataFrame(data)


def make(folder, name, rows, columns=20, parquet=False):
    for side, seed, shift in [("reference", 1, 0.0), ("current", 2, 0.01)]:
        path = f"{folder}/{name}-{side}"
        if os.path.exists(f"{path}.csv") and (not parquet or os.path.exists(f"{path}.parquet")):
            continue
        whole = table(rows, seed, shift, columns)
        whole.to_csv(f"{path}.csv", index=False)
        if parquet:
            whole.to_parquet(f"{path}.parquet")


def read_pandas(path):
    return pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)


def read_polars(path):
    import polars

    read = polars.read_parquet(path) if path.endswith(".parquet") else polars.read_csv(path)
    return {name: read[name].to_numpy() for name in read.columns}


def drift(read, reference, current):
    """The figures of `tidewatch drift` that scipy has."""
    from scipy import stats
    from scipy.spatial.distance import jensenshannon

    reference, current = read(reference), read(current)
    for name in list(reference):
        a, b = np.asarray(reference[name]), np.asarray(current[name])
        if a.dtype.kind in "fi":
            stats.ks_2samp(a, b, method="asymp")
            stats.wasserstein_distance(a, b)
            edges = np.unique(np.quantile(a, np.linspace(0, 1, 11)))
            edges[0], edges[-1] = -np.inf, np.inf
            counts = np.array([np.histogram(a, edges)[0], np.histogram(b, edges)[0]])
        else:
            a, b = pd.Series(a).value_counts(), pd.Series(b).value_counts()
            counts = np.array([a.to_numpy(), b.reindex(a.index, fill_value=0).to_numpy()])
        stats.chi2_contingency(counts)
        p, q = counts / counts.sum(axis=1, keepdims=True)
        jensenshannon(p, q, 2)
        np.sum((p - q) * np.log(p / q))


def evaluate(read, path):
    """The figures of `tidewatch evaluate` that scikit-learn has."""
    from sklearn import metrics
    from sklearn.calibration import calibration_curve

    data = read(path)
    truth, answer, score = (np.asarray(data[name]) for name in ("actual", "prediction", "score"))
    truth, answer = truth == "yes", answer == "yes"
    metrics.accuracy_score(truth, answer)
    metrics.precision_score(truth, answer)
    metrics.recall_score(truth, answer)
    metrics.f1_score(truth, answer)
    metrics.balanced_accuracy_score(truth, answer)
    metrics.matthews_corrcoef(truth, answer)
    metrics.cohen_kappa_score(truth, answer)
    metrics.confusion_matrix(truth, answer)
    metrics.roc_auc_score(truth, score)
    metrics.average_precision_score(truth, score)
    metrics.brier_score_loss(truth, score)
    metrics.log_loss(truth, score)
    calibration_curve(truth, score, n_bins=10)


# The most memory of a process counts what its parent had when it was made: so a small one makes it.
MEASURE = """
import os, sys, time
began = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, descriptor, "/dev/null", os.O_WRONLY, 0) for descriptor in (1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - began, usage.ru_maxrss / 1024, status)
"""


def cost(arguments):
    """Seconds, and the most MB of memory, of a process."""
    told = subprocess.run([sys.executable, "-S", "-c", MEASURE, *arguments], capture_output=True, check=True, text=True).stdout
    seconds, memory, status = told.split()
    if status != "0":
        sys.exit(f"{' '.join(arguments)} ended with {status}")
    return float(seconds), float(memory)


def compare(tidewatch, what, files):
    asked = ["--reference", files[0], "--current", files[1]] if what == "drift" else [files[0], "--positive", "yes"]
    found = {"tidewatch": cost([tidewatch, what, *asked, "--json"])}
    for other in ["pandas", "polars"]:
        found[other] = cost([sys.executable, __file__, "--alone", what, other, *files])
    base = found["pandas"][0]
    told = ", ".join(f"{name} {seconds:.2f} s ({seconds / base:.2f}) {memory:.0f} MB" for name, (seconds, memory) in found.items())
    print(f"{what} of {os.path.basename(files[0])}: {told}", flush=True)


def alone(what, other, *files):
    read = read_pandas if other == "pandas" else read_polars
    (drift if what == "drift" else evaluate)(read, *files)


def main(tidewatch, folder, *parts):
    parts = parts or ("table", "long", "large")
    if "table" in parts:
        make(folder, "table", 1_000_000, parquet=True)
        for end in ("csv", "parquet"):
            both = [f"{folder}/table-{side}.{end}" for side in ("reference", "current")]
            compare(tidewatch, "drift", both)
            compare(tidewatch, "evaluate", both[:1])
    if "long" in parts:
        make(folder, "long", 2_100_000, columns=4)
        both = [f"{folder}/long-{side}.csv" for side in ("reference", "current")]
        compare(tidewatch, "drift", both)
        compare(tidewatch, "evaluate", both[:1])
    if "large" in parts:
        path = f"{folder}/large.csv"
        if not os.path.exists(path):
            with open(path, "w") as out:
                for part in range(8):
                    table(600_000, part, 0.0).to_csv(out, index=False, header=part == 0)
        size = os.path.getsize(path) / 1e9
        for what, asked in [("drift", ["--reference", path, "--current", path]), ("evaluate", [path, "--positive", "yes"])]:
            seconds, memory = cost([tidewatch, what, *asked, "--json"])
            print(f"{what} of {size:.2f} GB: tidewatch {seconds:.1f} s, {memory:.0f} MB (target 300)", flush=True)


if sys.argv[1] == "--alone":
    alone(*sys.argv[2:])
else:
    main(*sys.argv[1:])
