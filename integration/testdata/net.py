"""A net in skorch, which prints a table."""
import numpy as np
import torch
from skorch import NeuralNetRegressor

torch.manual_seed(1)
torch.set_num_threads(1)
x = np.random.default_rng(1).random((200, 5)).astype("float32")
y = x.sum(axis=1, keepdims=True)
NeuralNetRegressor(torch.nn.Linear, module__in_features=5, module__out_features=1, max_epochs=4, lr=0.1).fit(x, y)
