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

// What a channel is normalised with: mean, variance, scale and shift, four inputs of a call that follow each other.
class Norm {
 public:
  // Whether they could be had; the call fails if not.
  bool read(Call& call, int firstInput, int64_t numChannels) {
    for (const float** vector : {&means_, &variances_, &scales_, &shifts_}) {
      *vector = call.channels(firstInput++, numChannels);
      if (*vector == nullptr) return false;
    }
    // 1 / sqrt(variance + epsilon), by which TensorFlow's kernel multiplies before it comes to the scale.
    inverses_.resize(numChannels);
    for (int64_t c = 0; c < numChannels; c++) inverses_[c] = 1.0f / std::sqrt(variances_[c] + 1e-5f);
    return true;
  }

  // y = value(x normalised, place in the map, channel) for these pixels.
  template <typename Value>
  INLINED void eachValue(int64_t firstPixel, int64_t lastPixel, const float* x, float* y, const Value& value) const {
    const int64_t numChannels = inverses_.size();
    const float* __restrict means = means_;
    const float* __restrict inverses = inverses_.data();
    const float* __restrict scales = scales_;
    const float* __restrict shifts = shifts_;
    for (int64_t pixel = firstPixel; pixel < lastPixel; pixel++) {
      const int64_t at = pixel * numChannels;
      const float* __restrict xs = x + at;
      float* __restrict ys = y + at;
      for (int64_t c = 0; c < numChannels; c++) {
        ys[c] = value(__builtin_fmaf((xs[c] - means[c]) * inverses[c], scales[c], shifts[c]), at + c, c);
      }
    }
  }

 private:
  const float* means_ = nullptr;
  const float* variances_ = nullptr;
  const float* scales_ = nullptr;
  const float* shifts_ = nullptr;
  std::vector<float> inverses_;
};

void normalise(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* map = call.map(0);
  if (map == nullptr) return;
  const MapSize size(map);
  Norm norm;
  if (!norm.read(call, 1, size.numChannels)) return;
  float* y = call.mapOutput(0, map);
  if (y == nullptr) return;
  const float* x = Call::valuesOf(map);
  Crew::get().share(size.numRows * size.width, size.numChannels, [&](int64_t first, int64_t last) {
    run([&]() INLINED_LAMBDA {
      norm.eachValue(first, last, x, y, [](float normed, int64_t, int64_t) INLINED_LAMBDA { return normed; });
    });
  });
}

void normGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* gradientMap = call.map(0);
  TF_Tensor* map = gradientMap == nullptr ? nullptr : call.map(1, gradientMap);
  if (map == nullptr) return;
  const MapSize size(map);
  const float* factors = call.channels(2, size.numChannels);
  Norm norm;
  if (factors == nullptr || !norm.read(call, 3, size.numChannels)) return;
  float* y = call.mapOutput(0, map);
  if (y == nullptr) return;
  const float* gradients = Call::valuesOf(gradientMap);
  const float* x = Call::valuesOf(map);
  Crew::get().share(size.numRows * size.width, size.numChannels, [&](int64_t first, int64_t last) {
    run([&]() INLINED_LAMBDA {
      norm.eachValue(first, last, x, y, [&](float normed, int64_t at, int64_t c) INLINED_LAMBDA {
        return gradients[at] * factors[c] + normed;
      });
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
