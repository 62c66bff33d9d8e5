"""A bar of tqdm for each epoch, named by its number."""
from tqdm import tqdm

for epoch in range(1, 5):
    for step in tqdm(range(30), desc=f"Epoch {epoch}"):
        sum(range(20000))
