"""Prints what TensorBoard's own reader finds in a folder, as JSON."""
import base64
import json
import sys

from google.protobuf.json_format import MessageToDict
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

# 0: keep all.
kinds = ("scalars", "images", "histograms", "tensors")
board = EventAccumulator(sys.argv[1], size_guidance={kind: 0 for kind in kinds})
board.Reload()
tags = board.Tags()


def histogram(event):
    value = event.histogram_value
    return {
        "step": event.step,
        "min": value.min,
        "max": value.max,
        "num": value.num,
        "sum": value.sum,
        "sumSquares": value.sum_squares,
        "limits": list(value.bucket_limit),
        "counts": list(value.bucket),
    }


def image(event):
    png = base64.b64encode(event.encoded_image_string).decode()
    return {"step": event.step, "width": event.width, "height": event.height, "png": png}


def scalar(event):
    return {"step": event.step, "wallTime": event.wall_time, "value": event.value}


def plugin(tag):
    metadata = board.SummaryMetadata(tag).plugin_data
    if metadata.plugin_name == "hparams":
        return MessageToDict(plugin_data_pb2.HParamsPluginData.FromString(metadata.content))
    if metadata.plugin_name == "custom_scalars":
        text = board.Tensors(tag)[0].tensor_proto.string_val[0]
        return MessageToDict(layout_pb2.Layout.FromString(text))
    return metadata.plugin_name


json.dump(
    {
        "scalars": {tag: [scalar(e) for e in board.Scalars(tag)] for tag in tags["scalars"]},
        "images": {tag: [image(e) for e in board.Images(tag)] for tag in tags["images"]},
        "histograms": {tag: [histogram(e) for e in board.Histograms(tag)] for tag in tags["histograms"]},
        "plugins": {tag: plugin(tag) for tag in tags["tensors"]},
    },
    sys.stdout,
)
