#pragma once
#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "tensorflow/c/tf_datatype.h"
#include "tensorflow/c/tf_tensor.h"

namespace unet_fleet {

// Memory for maps. What the C library takes from the system for a map and gives back comes as new pages each time, and writing
// to them first takes longer than the arithmetic. So the last maps that were freed are kept, the largest.
class MapMemory {
 public:
  // The tensor, of the shape; null where there is no memory.
  static TF_Tensor* tensor(const int64_t* shape, int numDims, size_t size) {
    Block* block = get().take(size);
    if (block == nullptr) return nullptr;
    return TF_NewTensor(TF_FLOAT, shape, numDims, block->data, size, &giveBack, block);
  }

 private:
  static constexpr size_t kAlignment = 64, kNumKept = 2, kMaxExcess = 4;
  struct Block {
    void* data;
    size_t size;
  };

  static MapMemory& get() {
    static MapMemory* memory = new MapMemory();
    return *memory;
  }

  // The smallest that suffices and is not far too large, or a new one.
  Block* take(size_t size) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto best = kept_.end();
      for (auto at = kept_.begin(); at != kept_.end(); at++) {
        const bool isFit = (*at)->size >= size && (*at)->size <= kMaxExcess * size;
        if (isFit && (best == kept_.end() || (*at)->size < (*best)->size)) best = at;
      }
      if (best != kept_.end()) {
        Block* block = *best;
        kept_.erase(best);
        return block;
      }
    }
    const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
    void* data = std::aligned_alloc(kAlignment, rounded);
    return data == nullptr ? nullptr : new Block{data, rounded};
  }

  static void giveBack(void*, size_t, void* argument) { get().keep(static_cast<Block*>(argument)); }

  void keep(Block* block) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      kept_.push_back(block);
      if (kept_.size() <= kNumKept) return;
      const auto smallest = std::min_element(kept_.begin(), kept_.end(),
                                             [](const Block* a, const Block* b) { return a->size < b->size; });
      block = *smallest;
      kept_.erase(smallest);
    }
    std::free(block->data);
    delete block;
  }

  std::mutex mutex_;
  std::vector<Block*> kept_;
};

}  // namespace unet_fleet
