"""What a callback sees of Lightning 2: fit calls hooks in its order, with its arguments."""


class Callback:
    def setup(self, trainer, pl_module, stage): ...
    def teardown(self, trainer, pl_module, stage): ...
    def on_fit_start(self, trainer, pl_module): ...
    def on_fit_end(self, trainer, pl_module): ...
    def on_sanity_check_start(self, trainer, pl_module): ...
    def on_sanity_check_end(self, trainer, pl_module): ...
    def on_train_start(self, trainer, pl_module): ...
    def on_train_end(self, trainer, pl_module): ...
    def on_train_epoch_start(self, trainer, pl_module): ...
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx): ...
    def on_train_epoch_end(self, trainer, pl_module): ...
    def on_validation_start(self, trainer, pl_module): ...
    def on_validation_end(self, trainer, pl_module): ...
    def on_exception(self, trainer, pl_module, exception): ...


class Trainer:
    def __init__(self, *, callbacks=None, max_epochs=None, local_rank=0):
        self.callbacks, self.max_epochs, self.local_rank = list(callbacks or ()), max_epochs, local_rank
        self.current_epoch = 0
        for c in self.callbacks:
            if not isinstance(c, Callback):
                raise TypeError(f"{c!r} is no Callback")

    def fit(self, model):
        each = lambda name, *args: [getattr(c, name)(self, model, *args) for c in self.callbacks]  # noqa: E731
        try:
            each("setup", "fit")
            each("on_fit_start")
            each("on_sanity_check_start")
            each("on_validation_start")
            each("on_validation_end")
            each("on_sanity_check_end")
            each("on_train_start")
            end = 3 if self.max_epochs in (None, -1) else self.max_epochs
            while self.current_epoch < end:
                each("on_train_epoch_start")
                model.step(self.current_epoch)
                each("on_train_batch_end", None, None, 0)
                each("on_validation_start")
                each("on_validation_end")
                each("on_train_epoch_end")
                self.current_epoch += 1
            each("on_train_end")
            each("on_fit_end")
            each("teardown", "fit")
        except BaseException as e:
            each("on_exception", e)
            raise
