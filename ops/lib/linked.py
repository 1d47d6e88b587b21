"""What a release is made of: the crates that are linked into the program, and the packages that are bundled into the dashboard."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def crates():
    """The package of each crate that is linked into the program, as `cargo metadata` tells it, but for our own."""
    compiler = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    target = next(line.removeprefix("host: ") for line in compiler.splitlines() if line.startswith("host: "))
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", target]
    told = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in told["packages"]}
    needs = {node["id"]: node["deps"] for node in told["resolve"]["nodes"]}
    waiting = [package["id"] for package in told["packages"] if package["name"] == "tidewatch"]
    seen = set(waiting)
    while waiting:
        for need in needs[waiting.pop()]:
            # what builds, tests or expands macros is not part of the program
            is_linked = any(kind["kind"] is None for kind in need["dep_kinds"])
            is_macro = any("proc-macro" in target["kind"] for target in packages[need["pkg"]]["targets"])
            if is_linked and not is_macro and need["pkg"] not in seen:
                seen.add(need["pkg"])
                waiting.append(need["pkg"])
    return [packages[one] for one in seen if packages[one]["source"] is not None]


def modules():
    """Name, entry of the lock file and folder of each package that is bundled into the dashboard."""
    dashboard = ROOT / "src/dashboard"
    lock = json.loads((dashboard / "package-lock.json").read_text(encoding="utf-8"))
    for place, package in lock["packages"].items():
        if place and not package.get("dev") and not package.get("optional"):
            yield place.rsplit("node_modules/", 1)[-1], package, dashboard / place
