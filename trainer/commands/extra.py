"""The packages of the extra `train`: loaded only by the commands that need them."""

import importlib
import logging
from types import ModuleType

from exporter.cli import loading
from exporter.errors import DoppelgangerError


class NotInstalled(DoppelgangerError):
    """A package of the extra `train` is missing."""


def training_pipeline() -> ModuleType:
    """trainer.pipeline. Raises NotInstalled."""
    return loaded("trainer.pipeline")


def loaded(module: str) -> ModuleType:
    """A module that imports torch and transformers, which take seconds to load.

    Raises:
        NotInstalled: they are not there.
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses kernels that we do not use
    try:
        with loading():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "exporter", "trainer", "benchmarks"):
            raise
        raise NotInstalled(
            f"training needs the package {package}, which is not installed",
            fix="in the folder of this program, run: pip install -e '.[train]'",
        ) from error
