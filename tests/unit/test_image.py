"""The image's two recipes say the same: the Dockerfile, and the script for machines without docker."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
ROOTFS = (ROOT / "deploy" / "rootfs").read_text()


def test_both_install_the_same_packages_of_debian() -> None:
    final = DOCKERFILE.rpartition("FROM ${DEBIAN}")[2]
    (said,) = re.findall(r"--no-install-recommends ([a-z0-9 -]+) \\", final)
    (packages,) = re.findall(r"^packages=(.*)$", ROOTFS, flags=re.MULTILINE)
    assert said.split() == packages.split(",")


def test_the_image_runs_as_nobody_and_is_asked_without_a_shell_how_it_is() -> None:
    assert "\nUSER 10001:10001\n" in DOCKERFILE
    assert 'CMD ["vidctl", "healthy"]' in DOCKERFILE
    assert DOCKERFILE.index("VOLUME /work") > DOCKERFILE.index("--owner=10001 --group=10001 /work")


def test_what_the_dockerfile_copies_is_sent_to_the_builder() -> None:
    sent = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    assert {source.split("/")[0] for line in copied for source in line.split()} <= sent
