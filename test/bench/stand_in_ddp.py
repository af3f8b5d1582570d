"""The yardstick of `pnpm bench:exchange`: the same pretence in PyTorch.

Each process sleeps through a pretended leaf. The gradients of the U-Net are complete at the moments of its backward pass,
gathered into buckets as DistributedDataParallel does (25 MB, the last layers first), and all-reduced by gloo while the
pretended pass goes on; then every process applies RMSprop. Prints one JSON line.

    python -m torch.distributed.run --nproc-per-node 2 stand_in_ddp.py --leaf-ms 100

Needs: pip install torch numpy (in a virtual environment of its own).
"""
import argparse, json, resource, statistics, time

import torch
import torch.distributed as dist


def tensors(base, classes):
    """(values, share of the multiply-adds) of each layer of the classic U-Net, in the order of its forward pass."""
    c = [base * k for k in (1, 2, 4, 8, 16)]
    layers = []

    def conv(cin, cout, k, level):
        layers.append((cin * cout * k * k, cin * cout * k * k / 4 ** level))

    def double(cin, cout, level):
        for a, b in ((cin, cout), (cout, cout)):
            conv(a, b, 3, level)
            layers.append((2 * b, 0))

    double(3, c[0], 0)
    for i in range(4):
        double(c[i], c[i + 1], i + 1)
    for i in (3, 2, 1, 0):
        conv(c[i + 1], c[i], 2, i + 1)
        layers.append((c[i], 0))
        double(c[i + 1], c[i], i)
    conv(c[0], classes, 1, 0)
    layers.append((classes, 0))
    return layers


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--leaf-ms", type=float, required=True)
    p.add_argument("--base", type=int, default=64)
    p.add_argument("--classes", type=int, default=59)
    p.add_argument("--steps", type=int, default=10, help="the first two are for warming up")
    p.add_argument("--bucket-mb", type=float, default=25)
    p.add_argument("--bf16", action="store_true", help="gradients travel as bfloat16")
    a = p.parse_args()
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    world = dist.get_world_size()
    travels = torch.bfloat16 if a.bf16 else torch.float32

    layers = tensors(a.base, a.classes)
    work = sum(w for _, w in layers)
    parameters = [torch.nn.Parameter(torch.rand(n)) for n, _ in layers]
    optimizer = torch.optim.RMSprop(parameters, lr=1e-3, weight_decay=1e-8, momentum=0.9)
    # Buckets in the order of the backward pass, each with the moment at which its last gradient is complete.
    buckets, size, done, members = [], 0, 0.0, []
    for i in reversed(range(len(layers))):
        n, w = layers[i]
        done += w
        members.append(i)
        size += n
        if size * 4 >= a.bucket_mb * 2 ** 20 or i == 0:
            buckets.append((members, torch.empty(size, dtype=travels), 1 / 3 + 2 / 3 * done / work))
            members, size = [], 0
    source = [torch.rand(n) * 1e-3 for n, _ in layers]

    times = []
    for _ in range(a.steps):
        dist.barrier()
        began = time.perf_counter()
        waiting = []
        for members, flat, at in buckets:
            left = began + at * a.leaf_ms / 1e3 - time.perf_counter()
            if left > 0:
                time.sleep(left)
            offset = 0
            for i in members:
                n = source[i].numel()
                if a.bf16:
                    flat[offset:offset + n].copy_(source[i]).div_(world)
                else:
                    torch.div(source[i], world, out=flat[offset:offset + n])
                    parameters[i].grad = flat[offset:offset + n]
                offset += n
            if world > 1:
                waiting.append(dist.all_reduce(flat, async_op=True))
        for handle in waiting:
            handle.wait()
        if a.bf16:
            for members, flat, _ in buckets:
                offset = 0
                for i in members:
                    n = source[i].numel()
                    parameters[i].grad = flat[offset:offset + n].float()
                    offset += n
        torch.nn.utils.clip_grad_value_(parameters, 0.1)
        optimizer.step()
        times.append((time.perf_counter() - began) * 1e3)
    if dist.get_rank() == 0:
        step_ms, peak_kb = statistics.median(times[2:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"world": world, "leaf_ms": a.leaf_ms, "step_ms": round(step_ms, 2), "peak_mb": peak_kb / 1024,
                          "libraries": {"torch": torch.__version__}}))


if __name__ == "__main__":
    main()
