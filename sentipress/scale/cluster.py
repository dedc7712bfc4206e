"""Ray: on this machine's cores, or the cluster at an address, to which the package is sent."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sentipress.core.errors import UserError

REACHED_SECONDS = 10  # in which the head of a cluster must answer: Ray itself tries for minutes
# Before Ray is imported: no telemetry, no warnings about its own future, workers that do not starve beside other work.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
}


def imported(requirements: str) -> Any:
    """The package ray.

    Raises:
        UserError: it is not installed; `requirements` is the file that has it.
    """
    try:
        import ray
    except ImportError:
        raise UserError("the package ray is not installed", f"pip install -r {requirements}") from None
    return ray


def _no_cluster(address: str | None, reason: str) -> UserError:
    remedy = "start one with ray start (its RAY_AUTH_TOKEN, if it has one, must be set here too), or leave out --address"
    return UserError(f"no Ray cluster answers at {address} ({reason[:100]})", remedy)


def _check_reachable(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACHED_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, str(error)) from None


@contextlib.contextmanager
def connected(address: str | None, requirements: str, variables: Mapping[str, str], **local: Any) -> Iterator[Any]:
    """Give the package ray, connected.

    Args:
        address: host:port of a cluster's head; None for this machine alone.
        requirements: file that has Ray, for the message when it is not installed.
        variables: environment of the workers.
        local: further options of `ray.init` on this machine.

    Raises:
        UserError: Ray is not installed, or nothing answers at the address.
    """
    ray = imported(requirements)
    package = Path(__file__).resolve().parent.parent
    environment: dict[str, Any] = {"env_vars": dict(variables)}
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        _check_reachable(address)
        environment["py_modules"] = [str(package)]
        options["address"] = address
    else:
        environment["env_vars"]["PYTHONPATH"] = str(package.parent)
        options |= {"address": "local", "include_dashboard": False, **local}
        os.environ.pop("RAY_ADDRESS", None)  # Ray would take its cluster rather than this machine
    try:
        ray.init(runtime_env=environment, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, str(error).splitlines()[0]) from None
    try:
        yield ray
    finally:
        ray.shutdown()
