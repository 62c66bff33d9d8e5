"""A loop in the manner of PyTorch's tutorial on transfer learning."""
import time

import torch

torch.manual_seed(1)
torch.set_num_threads(1)
x, y = torch.rand(1000, 64), torch.randint(2, (1000,))
model = torch.nn.Linear(64, 2)
criterion, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
since, num_epochs, best_acc = time.time(), 3, 0.0
for epoch in range(num_epochs):
    print(f"Epoch {epoch}/{num_epochs - 1}")
    print("-" * 10)
    for phase in ["train", "val"]:
        for _ in range(20):
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(x)
                loss = criterion(outputs, y)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
        epoch_acc = (outputs.argmax(1) == y).double().mean()
        print(f"{phase} Loss: {loss.item():.4f} Acc: {epoch_acc:.4f}")
        best_acc = max(best_acc, epoch_acc)
    print()
time_elapsed = time.time() - since
print(f"Training complete in {time_elapsed // 60:.0f}m {time_elapsed % 60:.0f}s")
print(f"Best val Acc: {best_acc:4f}")
