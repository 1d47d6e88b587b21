"""Completes a bill of materials of crates with the packages of the dashboard, and checks it: `bill.py FILE`. Each crate that is linked and each package
that is bundled must be there, with its version, licence, hash and package URL."""

import base64
import json
import pathlib
import sys
import urllib.parse

sys.dont_write_bytecode = True
import linked  # noqa: E402


def component(name, package):
    """A package of the dashboard as CycloneDX has it."""
    purl = f"pkg:npm/{urllib.parse.quote(name)}@{package['version']}"
    algorithm, hashed = package["integrity"].split("-", 1)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": package["version"],
        "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(hashed).hex()}],
        "licenses": [{"expression": package["license"]}],
        "purl": purl,
    }


def faults(bill, wanted):
    """What is wrong with the bill, a line each."""
    if bill.get("bomFormat") != "CycloneDX" or "specVersion" not in bill:
        yield "it is no CycloneDX document"
    if bill.get("metadata", {}).get("component", {}).get("name") != "tidewatch":
        yield "it is not of tidewatch"
    named = {(part["name"], part["version"]): part for part in bill.get("components", [])}
    for name, version in sorted(wanted - named.keys()):
        yield f"{name} {version} is not in it"
    for name, version in sorted(wanted & named.keys()):
        for field in ("purl", "licenses", "hashes"):
            if not named[name, version].get(field):
                yield f"{name} {version} has no {field}"


def main():
    path = pathlib.Path(sys.argv[1])
    bill = json.loads(path.read_text(encoding="utf-8"))
    bill["components"] += [component(name, package) for name, package, _ in linked.modules()]
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    wanted = {(package["name"], package["version"]) for package in linked.crates()}
    wanted |= {(name, package["version"]) for name, package, _ in linked.modules()}
    found = list(faults(bill, wanted))
    print(f"{path}: {len(bill['components'])} components; all {len(wanted)} that a release contains are looked for, {len(found)} faults")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
