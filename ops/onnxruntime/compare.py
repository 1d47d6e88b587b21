"""Trains, exports, and compares what onnxruntime says of other rows with what `tidewatch predict` says: the same class for every row, shares and
quantities to 1e-5."""

import csv
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnxruntime

CLOSE = 1e-5
COLOURS = ["red", "green", "blue", "a = b"]


def rows(seed, count, task):
    """Numbers of which some are missing, a column of categories, and a label they explain in part."""
    draw = random.Random(seed)
    for _ in range(count):
        x, y, colour = draw.gauss(0, 1), draw.gauss(5_000, 300), draw.choice(COLOURS)
        score = x + (colour == "blue") - (y - 5_000) / 300 + draw.gauss(0, 0.7)
        label = {"two": str(int(score > 0)), "four": f"class {min(3, max(0, int(score + 2)))}", "quantity": f"{score:.6f}"}[task]
        yield {"x": "" if draw.random() < 0.1 else f"{x:.6f}", "y": f"{y:.3f}", "colour": colour, "label": label}


def number(row, name):
    """What a model takes under that name, of a row of the table."""
    if name in row:
        return float(row[name] or "nan")
    if name.endswith(" is missing"):
        return float(row[name.removesuffix(" is missing")] == "")
    column, _, category = name.partition(" = ")
    return float(row[column] == category)


def compare(program, folder, task, algorithm, parameters):
    files = {}
    for name, seed in [("train", 1), ("asked", 2)]:
        files[name] = list(rows(seed, 2_000, task))
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, ["x", "y", "colour", "label"])
            writer.writeheader()
            writer.writerows(files[name])

    def said(*arguments):
        command = [program, *map(str, arguments), "--json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    artifact, exported = folder / "model", folder / "model.onnx"
    named = [argument for parameter in parameters for argument in ("--param", parameter)]
    report = said("train", folder / "train.csv", "--label", "label", "--algorithm", algorithm, *named, "--out", artifact)
    names = said("export", "--artifact", artifact, "--onnx", exported)["numbers"]
    answers = said("predict", "--artifact", artifact, folder / "asked.csv")

    numbers = numpy.array([[number(row, name) for name in names] for row in files["asked"]], numpy.float32)
    session = onnxruntime.InferenceSession(str(exported))
    outputs = [output.name for output in session.get_outputs()]
    told = dict(zip(outputs, session.run(None, {"numbers": numbers})))
    if task == "quantity":
        ours = numpy.array([answer["prediction"] for answer in answers])
        wrong, apart = 0, numpy.abs(told["quantity"][:, 0] - ours).max()
    else:
        classes = report["classes"]
        wrong = sum(classes[label] != answer["prediction"] for label, answer in zip(told["label"], answers))
        ours = numpy.array([[answer["scores"][name] for name in classes] for answer in answers])
        apart = numpy.abs(told["shares"] - ours).max()
    print(f"{algorithm} {' '.join(parameters)} of {task}: {wrong} other classes, at most {apart:.1e} apart")
    return wrong == 0 and apart <= CLOSE


def main(program):
    one_hot = "encoding=one_hot"
    of_classes = [
        ("gradient_boosting", [one_hot]),
        ("random_forest", [one_hot, "n_estimators=30"]),
        ("decision_tree", [one_hot]),
        ("logistic_regression", []),
        ("logistic_regression", ["interactions=3", "select_features=6"]),
        ("ftrl", []),
    ]
    of_quantities = [*of_classes[:3], *((name, []) for name in ("linear_regression", "ridge", "lasso", "elastic_net", "pls"))]
    kinds = [(task, *one) for task in ("two", "four") for one in of_classes] + [("quantity", *one) for one in of_quantities]
    with tempfile.TemporaryDirectory() as folder:
        equal = [compare(program, Path(folder), *kind) for kind in kinds]
    print(f"{sum(equal)} of {len(equal)} models answer alike in onnxruntime {onnxruntime.__version__}")
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
