"""The yardstick of `pnpm bench:loader`: the same photos and masks through PyTorch's DataLoader, decoded by PIL.

What a dataset for this task is in PyTorch: PIL decodes and resizes, scipy reads .mat masks, and a batch is float32 photos
and int64 labels. An epoch warms the processes and the page cache up, the next one is measured, with the processor time of
the parent and its workers. Prints one JSON line.

    python loader_pil.py --list pairs.txt --width 128 --height 192

Needs: pip install torch numpy pillow scipy (in a virtual environment of its own).
"""
import argparse, json, os, time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

p = argparse.ArgumentParser()
p.add_argument("--list", required=True, help="photo and mask of each line, a tab between them")
p.add_argument("--width", type=int, required=True)
p.add_argument("--height", type=int, required=True)
p.add_argument("--batch", type=int, default=8)
p.add_argument("--workers", type=int, default=2)
p.add_argument("--filter", choices=["lanczos", "bicubic"], default="lanczos")
p.add_argument("--variable", default="groundtruth")
a = p.parse_args()


class Pairs(Dataset):
    def __init__(self):
        self.pairs = [line.rstrip("\n").split("\t") for line in open(a.list)]
        self.resample = {"lanczos": Image.LANCZOS, "bicubic": Image.BICUBIC}[a.filter]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        photo, mask = self.pairs[i]
        size = (a.width, a.height)
        image = Image.open(photo).convert("RGB").resize(size, self.resample)
        pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 255
        if mask.endswith(".mat"):
            import scipy.io

            classes = Image.fromarray(scipy.io.loadmat(mask)[a.variable].astype(np.uint8))
        else:
            classes = Image.open(mask)
        labels = np.asarray(classes.resize(size, Image.NEAREST)).astype(np.int64)
        return torch.from_numpy(np.ascontiguousarray(pixels)), torch.from_numpy(labels)


def processor_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


loader = DataLoader(
    Pairs(), batch_size=a.batch, shuffle=True, num_workers=a.workers, persistent_workers=a.workers > 0
)
for _ in loader:
    pass
children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
pids = ["self", *children]
used, start, images = processor_seconds(pids), time.perf_counter(), 0
for pixels, labels in loader:
    images += len(pixels)
seconds = time.perf_counter() - start
used = processor_seconds(pids) - used
print(json.dumps({"images_per_s": images / seconds, "images_per_core_s": images / used}))
