"""One bar of tqdm over all epochs, and one for the steps of each."""
from tqdm import tqdm

for epoch in tqdm(range(5), desc="epochs"):
    for step in tqdm(range(30), desc="steps", leave=False):
        sum(range(20000))
