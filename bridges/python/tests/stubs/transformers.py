"""What a callback sees of transformers: Trainer calls hooks in its order, with its arguments."""

import math
import sys


class TrainerState:
    def __init__(self, epoch=0):
        self.epoch = epoch
        self.max_steps = 0
        self.num_train_epochs = 0
        self.num_input_tokens_seen = 0
        self.total_flos = 0
        self.is_local_process_zero = True
        self.is_world_process_zero = True


class TrainerControl: ...


class TrainingArguments:
    def __init__(self, num_train_epochs=3.0, max_steps=-1):
        self.num_train_epochs, self.max_steps = num_train_epochs, max_steps


class TrainerCallback:
    def on_init_end(self, args, state, control, **kwargs): ...
    def on_train_begin(self, args, state, control, **kwargs): ...
    def on_train_end(self, args, state, control, **kwargs): ...
    def on_epoch_begin(self, args, state, control, **kwargs): ...
    def on_epoch_end(self, args, state, control, **kwargs): ...
    def on_step_begin(self, args, state, control, **kwargs): ...
    def on_step_end(self, args, state, control, **kwargs): ...
    def on_log(self, args, state, control, **kwargs): ...


class Trainer:
    STEPS = 4

    def __init__(self, model=None, args=None, callbacks=None, local_zero=True, resume=0.0, endless=False):
        self.model, self.args, self.resume, self.endless = model, args or TrainingArguments(), resume, endless
        self.callbacks = [c() if isinstance(c, type) else c for c in callbacks or ()]
        self.state, self.control = TrainerState(), TrainerControl()
        self.state.is_local_process_zero = local_zero
        self.call("on_init_end")

    def call(self, name, **kwargs):
        for c in self.callbacks:
            getattr(c, name)(self.args, self.state, self.control, model=self.model, **kwargs)

    def train(self):
        epochs = math.ceil(self.args.num_train_epochs)
        zero = self.state.is_local_process_zero
        self.state = TrainerState(self.resume)
        self.state.is_local_process_zero = zero
        self.state.num_train_epochs = sys.maxsize if self.endless else epochs
        self.call("on_train_begin")
        for epoch in range(int(self.resume), epochs):
            self.call("on_epoch_begin")
            for step in range(self.STEPS):
                self.call("on_step_begin")
                if not step:
                    self.model.step(epoch)
                self.state.num_input_tokens_seen += 128
                self.state.epoch = epoch + (step + 1) / self.STEPS
                self.call("on_step_end")
            self.call("on_epoch_end")
        self.call("on_log", logs={"train_loss": 0.5})
        self.call("on_train_end")
