// The gradient of a 3x3 convolution (stride 1, padded by 1) with respect to its filter, as an operation of TensorFlow: float32 on
// the processor, NHWC, filters HWIO. What it keeps true: the bits are a function of the two maps alone. Pixels are taken in
// stretches of whole rows; within one, each sum is a chain of fused multiply-adds in pixel order, and stretches are added in
// their order. How many threads there are decides only who computes which columns of the filter.
//
// For one cell of the filter, the gradient is the product of the input, shifted by the cell's place, with the output's gradient.
// Both lie so that the pixels' rows of channels are what a tile of the product multiplies: nothing is copied or padded.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "operation.h"
#include "processor.h"

using unet_fleet::addOperation;
using unet_fleet::Call;
using unet_fleet::Crew;

namespace {

// Pixels of a stretch: what two tiles read of it stays in the processor's nearest cache.
constexpr int64_t kStretch = 384;
// Channels of a tile: two registers of the gradient's, and as many of the input's as registers are left for sums.
constexpr int64_t kColumns = 16, kRows = 6;

// Pixels that follow each other in both maps.
struct Span {
  const float* x;
  const float* gradient;
  int64_t numPixels;
};

// filter[i][0..15] += sum over the spans' pixels of x[i] * gradient[0..15], for so many channels i of the input.
template <int numRows>
__attribute__((target("avx2,fma"))) void addTile(const std::vector<Span>& spans, int64_t firstRow, int64_t numIn,
                                                 int64_t numOut, float* filter) {
  __m256 sums[numRows][2];
#pragma GCC unroll 8
  for (int i = 0; i < numRows; i++) sums[i][0] = sums[i][1] = _mm256_setzero_ps();
  for (const Span& span : spans) {
    const float* x = span.x + firstRow;
    const float* gradient = span.gradient;
    for (int64_t pixel = 0; pixel < span.numPixels; pixel++, x += numIn, gradient += numOut) {
      const __m256 low = _mm256_loadu_ps(gradient), high = _mm256_loadu_ps(gradient + 8);
#pragma GCC unroll 8
      for (int i = 0; i < numRows; i++) {
        const __m256 value = _mm256_broadcast_ss(x + i);
        sums[i][0] = _mm256_fmadd_ps(value, low, sums[i][0]);
        sums[i][1] = _mm256_fmadd_ps(value, high, sums[i][1]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < numRows; i++) {
    float* row = filter + (firstRow + i) * numOut;
    _mm256_storeu_ps(row, _mm256_add_ps(_mm256_loadu_ps(row), sums[i][0]));
    _mm256_storeu_ps(row + 8, _mm256_add_ps(_mm256_loadu_ps(row + 8), sums[i][1]));
  }
}

struct Maps {
  const float* x;
  const float* gradient;
  int64_t numImages, height, width, numIn, numOut;
};

// The pixels of a stretch of rows whose neighbour at (dy, dx) lies in the image.
void collect(const Maps& maps, int64_t firstRow, int64_t endRow, int64_t dy, int64_t dx, int64_t column,
             std::vector<Span>& spans) {
  const int64_t begin = std::max<int64_t>(0, -dx), end = std::min(maps.width, maps.width - dx);
  spans.clear();
  for (int64_t row = firstRow; row < endRow; row++) {
    const int64_t y = row % maps.height + dy;
    if (y < 0 || y >= maps.height || begin >= end) continue;
    spans.push_back({maps.x + ((row + dy) * maps.width + begin + dx) * maps.numIn,
                     maps.gradient + (row * maps.width + begin) * maps.numOut + column, end - begin});
  }
}

// Columns in stretches of 16 for each cell, numbered from 0: those from `first` to before `last`.
void addColumns(const Maps& maps, int64_t first, int64_t last, float* filter) {
  const int64_t numRows = maps.numImages * maps.height, step = std::max<int64_t>(1, kStretch / maps.width);
  std::vector<Span> spans;
  for (int64_t row = 0; row < numRows; row += step) {
    for (int64_t unit = first; unit < last; unit++) {
      const int64_t cell = unit % 9, column = unit / 9 * kColumns;
      collect(maps, row, std::min(numRows, row + step), cell / 3 - 1, cell % 3 - 1, column, spans);
      float* columns = filter + cell * maps.numIn * maps.numOut + column;
      int64_t i = 0;
      for (; i + kRows <= maps.numIn; i += kRows) addTile<kRows>(spans, i, maps.numIn, maps.numOut, columns);
      for (; i + 2 <= maps.numIn; i += 2) addTile<2>(spans, i, maps.numIn, maps.numOut, columns);
      for (; i < maps.numIn; i++) addTile<1>(spans, i, maps.numIn, maps.numOut, columns);
    }
  }
}

void filterGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  TF_Tensor* input = call.map(0);
  TF_Tensor* gradient = input == nullptr ? nullptr : call.gradientOf(1, input, kColumns);
  if (gradient == nullptr) return;
  const Maps maps = {Call::valuesOf(input), Call::valuesOf(gradient), TF_Dim(input, 0), TF_Dim(input, 1),
                     TF_Dim(input, 2),      TF_Dim(input, 3),         TF_Dim(gradient, 3)};
  const int64_t shape[4] = {3, 3, maps.numIn, maps.numOut};
  float* filter = call.output(0, shape, 4);
  if (filter == nullptr) return;
  std::memset(filter, 0, sizeof(float) * 9 * maps.numIn * maps.numOut);
  const int64_t numPixels = maps.numImages * maps.height * maps.width;
  Crew::get().share(maps.numOut / kColumns * 9, numPixels * maps.numIn,
                    [&](int64_t first, int64_t last) { addColumns(maps, first, last, filter); });
}

// Missing on a processor without these instructions.
const bool isAdded = [] {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  addOperation("UnetFleetFilterGradient", {"x: float", "gradient: float"}, {"filter: float"}, &filterGradient);
  return true;
}();

}  // namespace
#endif
