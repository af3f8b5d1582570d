"""The yardsticks of `pnpm bench`: what PyTorch and NumPy take on this machine for what unet-fleet does.

  step      one process trains the U-Net: forward and backward pass, clip by value, RMSprop
  ddp       the same under DistributedDataParallel over gloo, with each process a part of the batch
  exchange  no computing: gloo's all_reduce of as many values as the U-Net has parameters, then RMSprop
  kernels   memory alone, one thread: adding in place (torch and numpy), and RMSprop with momentum

    python pytorch_reference.py step --batch 2 --height 192 --width 256 --base 64 --classes 59
    python -m torch.distributed.run --nproc-per-node 2 pytorch_reference.py ddp --batch 1 --threads 1

Prints one JSON line: medians after two steps of warming up, in images/s or ms, this process's peak memory, and versions.
Needs: pip install torch numpy (in a virtual environment of its own; it is large).
"""
import argparse
import json
import platform
import resource
import statistics
import time

import numpy
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional

WARM_UP = 2
# Of the U-Net with base width 64 and 59 classes.
FULL = 31_041_403


def convolutions(inputs, outputs):
    """Two of 3x3 at the same size, each with batch norm and ReLU."""
    layers = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """unet-fleet's default model: five levels, transposed convolutions on the way up, skips joined by concatenation."""

    def __init__(self, classes, base):
        super().__init__()
        widths = [base << level for level in range(5)]
        steps = list(zip(widths, widths[1:]))
        self.encoders = nn.ModuleList([convolutions(3, base)] + [convolutions(above, below) for above, below in steps])
        self.enlarge = nn.ModuleList([nn.ConvTranspose2d(below, above, 2, stride=2) for above, below in reversed(steps)])
        self.decoders = nn.ModuleList([convolutions(below, above) for above, below in reversed(steps)])
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, photos):
        skips = []
        values = photos
        for level, encoder in enumerate(self.encoders):
            values = encoder(functional.max_pool2d(values, 2) if level else values)
            skips.append(values)
        skips.pop()
        for enlarge, decoder in zip(self.enlarge, self.decoders):
            values = decoder(torch.cat([skips.pop(), enlarge(values)], dim=1))
        return self.head(values)


def rmsprop(parameters):
    return torch.optim.RMSprop(parameters, lr=1e-3, weight_decay=1e-8, momentum=0.9)


def seconds_of(work, times, device="cpu"):
    """The middle of so many times after the warm-up."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[WARM_UP:])


def training(options, is_distributed):
    device = options.device
    # As TensorFlow computes float32 on a GPU.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    model = UNet(options.classes, options.base).to(device, memory_format=torch.channels_last)
    numbers = sum(parameter.numel() for parameter in model.parameters())
    if is_distributed:
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = rmsprop(model.parameters())
    shape = (options.batch, 3, options.height, options.width)
    photos = torch.rand(shape, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, options.classes, (options.batch, options.height, options.width), device=device)

    def step():
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=options.bf16):
            scores = model(photos)
        functional.cross_entropy(scores.float(), labels).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        optimizer.step()

    seconds = seconds_of(step, options.steps, device)
    world = dist.get_world_size() if is_distributed else 1
    return {"parameters": numbers, "step_ms": seconds * 1e3, "images_per_s": world * options.batch / seconds}


def exchange(options):
    parameter = nn.Parameter(torch.rand(options.values))
    parameter.grad = torch.rand(options.values) * 1e-3
    optimizer = rmsprop([parameter])
    reduced = []

    def step():
        dist.barrier()
        began = time.perf_counter()
        dist.all_reduce(parameter.grad)
        reduced.append(time.perf_counter() - began)
        # As the gradients of a step are: their mean, which does not grow from step to step.
        parameter.grad /= dist.get_world_size()
        optimizer.step()

    seconds = seconds_of(step, options.steps)
    return {"step_ms": seconds * 1e3, "all_reduce_ms": statistics.median(reduced[WARM_UP:]) * 1e3}


def kernels(options):
    sums, addend = torch.rand(options.values), torch.rand(options.values)
    array, other = sums.numpy(), addend.numpy()
    parameter = nn.Parameter(torch.rand(options.values))
    parameter.grad = torch.rand(options.values) * 1e-3
    optimizer = rmsprop([parameter])
    return {
        "torch_add_ms": seconds_of(lambda: sums.add_(addend), options.steps) * 1e3,
        "numpy_add_ms": seconds_of(lambda: numpy.add(array, other, out=array), options.steps) * 1e3,
        "rmsprop_ms": seconds_of(optimizer.step, options.steps) * 1e3,
    }


def main():
    parser = argparse.ArgumentParser(description="yardsticks of unet-fleet's benchmarks")
    parser.add_argument("mode", choices=["step", "ddp", "exchange", "kernels"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of the mode step")
    parser.add_argument("--batch", type=int, default=2, help="photos of a step, in each process")
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--base", type=int, default=64)
    parser.add_argument("--classes", type=int, default=59)
    parser.add_argument("--values", type=int, default=FULL, help="of exchange and kernels")
    parser.add_argument("--steps", type=int, default=6, help="two of them for warming up")
    parser.add_argument("--threads", type=int, default=0, help="of each process; 0: as PyTorch chooses")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    options = parser.parse_args()

    is_distributed = options.mode in ("ddp", "exchange")
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    if is_distributed:
        dist.init_process_group("gloo")
    modes = {
        "step": lambda: training(options, False),
        "ddp": lambda: training(options, True),
        "exchange": lambda: exchange(options),
        "kernels": lambda: kernels(options),
    }
    figures = modes[options.mode]()
    if not is_distributed or dist.get_rank() == 0:
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        libraries = {"torch": torch.__version__, "numpy": numpy.__version__, "python": platform.python_version()}
        print(json.dumps({"mode": options.mode, **figures, "peak_mb": peak_mb, "libraries": libraries}))
    if is_distributed:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
