"""The engine and the images that all tests of containers share."""

import os
import shutil
from collections.abc import Iterator

import pytest
from support.containers import BUILD_TIME, NAME, ROOT, docker, run


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """An engine that can be reached, with Compose."""
    for command in (("docker", "info"), ("docker", "compose", "version"), ("docker", "buildx", "version")):
        if shutil.which("docker") is None or run(*command).returncode != 0:
            words = " ".join(command)
            pytest.skip(f"THE TESTS OF THE CONTAINERS DID NOT RUN: `{words}` fails. Install Docker, and start it.")


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[dict[str, str]]:  # noqa: ARG001 - in this order
    """Both images by target, built by the command: the package docker knows no build secrets."""
    names = {target: f"{NAME}:{target}" for target in ("pocketbase", "worker")}
    certificates = f"id=ca,src={os.environ.get('DOCKER_BUILD_CA') or os.devnull}"
    try:
        for target, name in names.items():
            build = ("build", "--target", target, "--tag", name, "--secret", certificates, str(ROOT))
            docker(*build, timeout=BUILD_TIME)
        yield names
    finally:
        run("docker", "image", "rm", "--force", *names.values())
