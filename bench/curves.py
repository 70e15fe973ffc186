#!/usr/bin/env python3
"""Draws the losses of several training runs in one picture. Needs matplotlib.

    bench/curves.py --out F.svg [--window 20] [--title T] NAME=run.csv ...

A run.csv is what `./catena train ... --log run.csv` writes. Thin: each step; thick: the mean of the last
`window` steps. Accuracies on the images to test with, where there are some, stand in the legend.
"""

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "catena"  # the same logs make the same file
import matplotlib.pyplot as plt  # noqa: E402


def means(values, window):
    return [sum(values[max(0, i + 1 - window) : i + 1]) / min(i + 1, window) for i in range(len(values))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=run.csv")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--window", type=int, default=20)
    parser.add_argument("--title", default="")
    arguments = parser.parse_args()
    figure, axes = plt.subplots(figsize=(9, 4.5))
    for number, run in enumerate(arguments.runs):
        name, file = run.split("=", 1)
        with open(file, newline="") as lines:
            rows = list(csv.DictReader(lines))
        steps = [int(row["step"]) for row in rows]
        losses = [float(row["loss"]) for row in rows]
        tested = [float(row["test_accuracy"]) for row in rows if row["test_accuracy"]]
        label = f"{name}: test accuracy {100 * tested[-1]:.2f} %" if tested else name
        axes.plot(steps, losses, color=f"C{number}", linewidth=0.5, alpha=0.35)
        axes.plot(steps, means(losses, arguments.window), color=f"C{number}", linewidth=1.8, label=label)
    axes.set(title=arguments.title, xlabel="step", ylabel="loss (cross-entropy, nats)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(arguments.out, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
