// Batch norm's passes over a map as operations of TensorFlow, in float32 on the processor: each reads the map once and writes
// nothing as large beside its result. What they keep true: the bits are those of the chains of TensorFlow's kernels that they
// stand for (the engine compares them before it uses any of this), whatever the number of threads.
//
//   UnetFleetNormalise    FusedBatchNormV3 in inference mode
//   UnetFleetSquareRows   SquaredDifference, Sum over a row of pixels
//   UnetFleetProductRows  Mul, Sum over a row of pixels, and the same Sum of the first factor alone
//   UnetFleetNormGradient FusedBatchNormV3 in inference mode, Mul, AddV2
//
// Rows of pixels are shared out among threads; each row is added up by one of them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "operation.h"
#include "processor.h"

using unet_fleet::addOperation;
using unet_fleet::Call;
using unet_fleet::Crew;
using unet_fleet::MapSize;
using unet_fleet::run;

namespace {

// The order in which TensorFlow's Sum adds the pixels of a row: from 16 on in four sums, each of every fourth pixel.
constexpr int64_t kFewPixels = 16;

class RowSums {
 public:
  explicit RowSums(int64_t numChannels) : numChannels_(numChannels), memory_(4 * numChannels) {}

  // total[c] = sum of value(w, c) over the pixels w of a row.
  template <typename Value>
  INLINED void add(int64_t width, float* __restrict total, const Value& value) {
    const int64_t numChannels = numChannels_, numUnrolled = width < kFewPixels ? 0 : width - width % 4;
    float* sums = memory_.data();
    std::fill(memory_.begin(), memory_.end(), 0.0f);
    for (int64_t w = 0; w < numUnrolled; w++) {
      float* __restrict sum = sums + w % 4 * numChannels;
      for (int64_t c = 0; c < numChannels; c++) sum[c] += value(w, c);
    }
    for (int64_t c = 0; c < numChannels; c++) {
      const float* sum = sums + c;
      total[c] = ((sum[0] + sum[numChannels]) + sum[2 * numChannels]) + sum[3 * numChannels];
    }
    for (int64_t w = numUnrolled; w < width; w++) {
      for (int64_t c = 0; c < numChannels; c++) total[c] += value(w, c);
    }
  }

 private:
  int64_t numChannels_;
  std::vector<float> memory_;
};

void squareRows(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* map = call.map(0);
  if (map == nullptr) return;
  const MapSize size(map);
  const float* mean = call.channels(1, size.numChannels);
  float* totals = mean == nullptr ? nullptr : call.rows(0, map);
  if (totals == nullptr) return;
  const float* x = Call::valuesOf(map);
  Crew::get().share(size.numRows, size.rowLength(), [&](int64_t first, int64_t last) {
    RowSums sums(size.numChannels);
    run([&]() INLINED_LAMBDA {
      for (int64_t row = first; row < last; row++) {
        const float* pixels = x + row * size.rowLength();
        sums.add(size.width, totals + row * size.numChannels, [&](int64_t w, int64_t c) INLINED_LAMBDA {
          const float difference = pixels[w * size.numChannels + c] - mean[c];
          return difference * difference;
        });
      }
    });
  });
}

void productRows(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* firstMap = call.map(0);
  TF_Tensor* secondMap = firstMap == nullptr ? nullptr : call.map(1, firstMap);
  if (secondMap == nullptr) return;
  const MapSize size(firstMap);
  float* products = call.rows(0, firstMap);
  float* totals = products == nullptr ? nullptr : call.rows(1, firstMap);
  if (totals == nullptr) return;
  const float* a = Call::valuesOf(firstMap);
  const float* b = Call::valuesOf(secondMap);
  Crew::get().share(size.numRows, size.rowLength(), [&](int64_t first, int64_t last) {
    RowSums sums(size.numChannels);
    run([&]() INLINED_LAMBDA {
      for (int64_t row = first; row < last; row++) {
        // The second time the row comes from the processor's cache.
        const float* as = a + row * size.rowLength();
        const float* bs = b + row * size.rowLength();
        const int64_t numChannels = size.numChannels, at = row * numChannels;
        sums.add(size.width, products + at, [&](int64_t w, int64_t c) INLINED_LAMBDA {
          return as[w * numChannels + c] * bs[w * numChannels + c];
        });
        sums.add(size.width, totals + at, [&](int64_t w, int64_t c) INLINED_LAMBDA {
          return as[w * numChannels + c];
        });
      }
    });
  });
}

// 1 / sqrt(variance + epsilon), by which TensorFlow's kernel multiplies before it comes to the scale.
std::vector<float> inversesOf(const float* variance, int64_t numChannels) {
  std::vector<float> inverses(numChannels);
  for (int64_t c = 0; c < numChannels; c++) inverses[c] = 1.0f / std::sqrt(variance[c] + 1e-5f);
  return inverses;
}

void normalise(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* map = call.map(0);
  if (map == nullptr) return;
  const MapSize size(map);
  const float* channels[4];
  for (int i = 0; i < 4; i++) {
    channels[i] = call.channels(1 + i, size.numChannels);
    if (channels[i] == nullptr) return;
  }
  float* y = call.mapOutput(0, map);
  if (y == nullptr) return;
  const std::vector<float> inverse = inversesOf(channels[1], size.numChannels);
  const float* x = Call::valuesOf(map);
  Crew::get().share(size.numRows * size.width, size.numChannels, [&](int64_t first, int64_t last) {
    run([&]() INLINED_LAMBDA {
      const int64_t numChannels = size.numChannels;
      const float* __restrict means = channels[0];
      const float* __restrict inverses = inverse.data();
      const float* __restrict scales = channels[2];
      const float* __restrict shifts = channels[3];
      for (int64_t pixel = first; pixel < last; pixel++) {
        const float* __restrict xs = x + pixel * numChannels;
        float* __restrict ys = y + pixel * numChannels;
        for (int64_t c = 0; c < numChannels; c++) {
          ys[c] = __builtin_fmaf((xs[c] - means[c]) * inverses[c], scales[c], shifts[c]);
        }
      }
    });
  });
}

void normGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* gradientMap = call.map(0);
  TF_Tensor* map = gradientMap == nullptr ? nullptr : call.map(1, gradientMap);
  if (map == nullptr) return;
  const MapSize size(map);
  const float* channels[5];
  for (int i = 0; i < 5; i++) {
    channels[i] = call.channels(2 + i, size.numChannels);
    if (channels[i] == nullptr) return;
  }
  float* y = call.mapOutput(0, map);
  if (y == nullptr) return;
  const std::vector<float> inverse = inversesOf(channels[2], size.numChannels);
  const float* gradient = Call::valuesOf(gradientMap);
  const float* x = Call::valuesOf(map);
  Crew::get().share(size.numRows * size.width, size.numChannels, [&](int64_t first, int64_t last) {
    run([&]() INLINED_LAMBDA {
      const int64_t numChannels = size.numChannels;
      const float* __restrict factors = channels[0];
      const float* __restrict means = channels[1];
      const float* __restrict inverses = inverse.data();
      const float* __restrict scales = channels[3];
      const float* __restrict shifts = channels[4];
      for (int64_t pixel = first; pixel < last; pixel++) {
        const float* __restrict gradients = gradient + pixel * numChannels;
        const float* __restrict xs = x + pixel * numChannels;
        float* __restrict ys = y + pixel * numChannels;
        for (int64_t c = 0; c < numChannels; c++) {
          const float scaled = gradients[c] * factors[c];
          ys[c] = scaled + __builtin_fmaf((xs[c] - means[c]) * inverses[c], scales[c], shifts[c]);
        }
      }
    });
  });
}

// As the addon is loaded. An operation that can't be added is missing when the engine asks whether it has TensorFlow's bits.
const bool isAdded = [] {
  addOperation("UnetFleetNormalise", {"x: float", "mean: float", "variance: float", "scale: float", "shift: float"},
               {"y: float"}, &normalise);
  addOperation("UnetFleetSquareRows", {"x: float", "mean: float"}, {"rows: float"}, &squareRows);
  addOperation("UnetFleetProductRows", {"a: float", "b: float"}, {"products: float", "sums: float"}, &productRows);
  addOperation("UnetFleetNormGradient",
      {"gradient: float", "x: float", "factor: float", "mean: float", "variance: float", "scale: float", "shift: float"},
      {"y: float"}, &normGradient);
  return true;
}();

}  // namespace
