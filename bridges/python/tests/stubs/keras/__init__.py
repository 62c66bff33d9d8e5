"""What a callback sees of Keras 3: fit calls hooks in its order, with its arguments."""

from . import callbacks as callbacks


class Model:
    stop_training = False

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
            validation_data=None, initial_epoch=0, step=lambda epoch: None):  # fmt: skip
        self.stop_training = False
        for c in callbacks or ():
            if not isinstance(c, _base()):
                raise TypeError(f"{c!r} is no Callback")
            c.set_params({"verbose": 1, "epochs": epochs, "steps": 2})
            c.set_model(self)
        each = lambda name, *args: [getattr(c, name)(*args) for c in callbacks or ()]  # noqa: E731
        logs = {}
        each("on_train_begin")
        for epoch in range(initial_epoch, epochs):
            each("on_epoch_begin", epoch)
            for batch in range(2):
                each("on_train_batch_begin", batch)
                if batch:
                    step(epoch)
                each("on_train_batch_end", batch, {"loss": 0.5})
            each("on_test_begin")
            each("on_test_end", {"loss": 0.6})
            logs = {"loss": 0.5, "val_loss": 0.6}
            each("on_epoch_end", epoch, logs)
            if self.stop_training:
                break
        each("on_train_end", logs)
        return logs


def _base():
    return callbacks.Callback
