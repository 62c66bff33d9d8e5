"""A loop in the manner of PyTorch's MNIST example, on digits that are made up. It
does not reach its aim, and says so by its exit code."""
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_num_threads(1)
x, y = torch.rand(2000, 64), torch.randint(10, (2000,))
model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimizer = torch.optim.Adadelta(model.parameters())
for epoch in range(1, 4):
    model.train()
    for i in range(40):
        data, target = x[i * 50 : i * 50 + 50], y[i * 50 : i * 50 + 50]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        if i % 10 == 0:
            print("Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}".format(epoch, i * len(data), len(x), 100.0 * i / 40, loss.item()))
    model.eval()
    with torch.no_grad():
        output = model(x)
        correct = output.argmax(1).eq(y).sum().item()
        print("\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)\n".format(F.cross_entropy(output, y), correct, len(x), 100.0 * correct / len(x)))
sys.exit(3)
