"""Callbacks for Lightning, Keras and transformers: each epoch of a training is an epoch of a run.

    from carbonctl.callbacks import KerasCallback
    model.fit(x, y, epochs=10, callbacks=[KerasCallback(region="FR")])

LightningCallback and TransformersCallback (for Trainer) likewise. The framework is imported when
the class is asked for, and not before. Arguments are those of carbonctl.Tracker, or `tracker=`,
one that runs already and is left running. The callback's `tracker` has `report`, `last_epoch` and
`prediction`. Only one process a machine tracks: that of local rank 0.
"""

from __future__ import annotations

import os
import sys

from ._log import guard
from ._tracker import Tracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    KerasCallback: Any
    LightningCallback: Any
    TransformersCallback: Any

MANY = 1_000_000  # epochs; frameworks write "without end" as a greater number


class _Training:
    """What the callbacks have in common: a tracker, started and stopped where it is ours."""

    def __init__(self, tracker: Tracker | None = None, **settings: Any) -> None:
        super().__init__()
        self._settings = settings
        self._given = tracker is not None
        self.tracker = Tracker(**settings) if tracker is None else tracker
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._open = False  # a training is underway
        self._owned = False  # … and its tracker is ours to stop
        self._before = 0  # epochs of the tracker before this training
        self._of: int | None = None
        self._index: int | None = None  # of the epoch that is open

    def __getstate__(self) -> dict:
        """Copies, as for workers, begin with a tracker of their own."""
        state = dict(self.__dict__)
        for name in ("tracker", "_pid", "_open", "_owned", "_before", "_of", "_index"):
            state.pop(name, None)
        return state

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._given = False
        self.tracker = Tracker(**self._settings)
        self._reset()

    @guard()
    def _begin(self, of: Any = None) -> None:
        """A training begins, of so many epochs if that is known."""
        if self._pid != os.getpid() and not self._given:
            self.tracker = Tracker(**self._settings)
            self._reset()
        if self._open:  # the one before it ended by an exception
            self._end(failed=True)
        self._open, self._owned = True, not self.tracker.running
        if self._owned:
            self.tracker.start()
        self._before = self.tracker._index
        self._of = int(of) if of is not None and 0 < of < MANY else None

    @guard()
    def _epoch_begin(self, index: int) -> None:
        """Epoch index of this training begins, counted from 1."""
        if not self._open:
            return
        self._epoch_end()
        self._index = self._before + max(1, int(index))
        of = None if self._of is None else self._before + max(self._of, int(index))
        self.tracker.epoch_start(self._index, of)

    @guard()
    def _epoch_end(self) -> None:
        if self._index is not None:
            index, self._index = self._index, None
            self.tracker.epoch_end(index)

    @guard()
    def _end(self, failed: bool = False) -> None:
        if not self._open:
            return
        self._open = False
        self._epoch_end()
        if self._owned:
            self.tracker.stop(failed=failed)


class _Keras:
    """Keras 2 and 3. Where fit raises, the run ends with the next fit or the interpreter."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._begin((getattr(self, "params", None) or {}).get("epochs"))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch_begin(epoch + 1)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch_end()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._end()


class _Lightning:
    """Lightning 2 and PyTorch Lightning. The run is that of fit; the sanity check is no epoch."""

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        if not getattr(trainer, "local_rank", 0):
            self._begin(getattr(trainer, "max_epochs", None))

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._epoch_begin(trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._epoch_end()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self._end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._end(failed=True)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage == "fit":
            self._end()


class _Transformers:
    """transformers' Trainer. Tokens that it counts are counted. Where train raises, the run ends
    with the next one or the interpreter."""

    _last = 0
    _tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if getattr(state, "is_local_process_zero", True):
            self._last = int(getattr(state, "epoch", None) or 0)  # goes on after it when resumed
            self._tokens = getattr(state, "num_input_tokens_seen", 0) or 0
            self._begin(getattr(state, "num_train_epochs", None))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._last += 1
        self._epoch_begin(self._last)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._epoch_end()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        tokens = (getattr(state, "num_input_tokens_seen", 0) or 0) - self._tokens
        if self._open and tokens > 0:
            self.tracker.count("input_token", tokens)
        self._end()


# Name of the class: ours, then modules that have the framework's, the likeliest first.
_FRAMEWORKS = {
    "KerasCallback": (_Keras, ("keras.callbacks", "tf_keras.callbacks", "tensorflow.keras.callbacks"), "Callback"),
    "LightningCallback": (_Lightning, ("lightning.pytorch", "pytorch_lightning"), "Callback"),
    "TransformersCallback": (_Transformers, ("transformers",), "TrainerCallback"),
}
_made: dict[tuple, type] = {}


def _base(modules: tuple[str, ...], name: str) -> type:
    """The framework's class: of what the program has imported, else of what is installed."""
    import importlib

    loaded = [m for m in modules if m.split(".")[0] in sys.modules]
    for module in dict.fromkeys((*loaded, *modules)):
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as e:
            if (e.name or "").split(".")[0] not in (module.split(".")[0], "keras"):
                raise  # it is there, and lacks something
    raise ModuleNotFoundError(f"none of {', '.join(modules)} is installed", name=modules[0])


def __getattr__(name: str) -> Any:
    if name not in _FRAMEWORKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    ours, modules, theirs = _FRAMEWORKS[name]
    base = _base(modules, theirs)
    if (name, base) not in _made:
        doc = f"{ours.__doc__} Arguments: `tracker`, or those of carbonctl.Tracker."
        body = {"__module__": __name__, "__qualname__": name, "__doc__": doc}
        _made[name, base] = type(name, (_Training, ours, base), body)
    return _made[name, base]


def __dir__() -> list[str]:
    return sorted(_FRAMEWORKS)
