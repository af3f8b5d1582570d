// How an operation of ours uses the processor: its widest registers, and as many threads as TensorFlow has within an operation.
// What both keep true: the bits are the same without them.
#pragma once
#include <algorithm>
#include <cfenv>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#define INLINED __attribute__((always_inline)) inline
#define INLINED_LAMBDA __attribute__((always_inline))

namespace unet_fleet {

// Work as the widest registers here have it. Products and sums stay apart (-ffp-contract=off), and fma is one rounding
// everywhere, so all variants have the same bits.
#if defined(__x86_64__)
template <typename Work>
__attribute__((target("avx512f,avx2,fma"))) void with512Bits(const Work& work) {
  work();
}

template <typename Work>
__attribute__((target("avx2,fma"))) void with256Bits(const Work& work) {
  work();
}

template <typename Work>
void run(const Work& work) {
  static const bool has512 = __builtin_cpu_supports("avx512f");
  static const bool has256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has512) return with512Bits(work);
  if (has256) return with256Bits(work);
  work();
}
#else
template <typename Work>
void run(const Work& work) {
  work();
}
#endif

// As many threads as TensorFlow has within an operation, one of them the caller's. They never end: the addon is not unloaded
// (-z nodelete).
class Crew {
 public:
  static Crew& get() {
    static Crew* crew = new Crew();
    return *crew;
  }

  // Calls part(first, last) for stretches of 0..count that together are all of it. Small work stays in this thread.
  void share(int64_t count, int64_t valuesEach, const std::function<void(int64_t, int64_t)>& part) {
    const int64_t numParts = std::min<int64_t>(size_, count);
    if (numParts < 2 || count * valuesEach < 65536 || !turn_.try_lock()) {
      part(0, count);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      part_ = &part;
      count_ = count;
      numParts_ = numParts;
      numLeft_ = numParts - 1;
      std::fegetenv(&environment_);
      round_++;
    }
    begin_.notify_all();
    part(0, count / numParts);
    {
      std::unique_lock<std::mutex> lock(mutex_);
      end_.wait(lock, [this] { return numLeft_ == 0; });
    }
    turn_.unlock();
  }

 private:
  Crew() {
    const char* text = std::getenv("TF_NUM_INTRAOP_THREADS");
    size_ = text == nullptr ? 1 : std::max(1, std::atoi(text));
    for (int64_t i = 1; i < size_; i++) std::thread([this, i] { work(i); }).detach();
  }

  void work(int64_t index) {
    int64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      begin_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      if (index >= numParts_) continue;
      const auto* part = part_;
      const int64_t first = count_ * index / numParts_, last = count_ * (index + 1) / numParts_;
      // How the caller treats numbers near 0 is part of the result.
      std::fesetenv(&environment_);
      lock.unlock();
      (*part)(first, last);
      lock.lock();
      if (--numLeft_ == 0) end_.notify_one();
    }
  }

  int64_t size_;
  std::mutex turn_, mutex_;
  std::condition_variable begin_, end_;
  const std::function<void(int64_t, int64_t)>* part_ = nullptr;
  int64_t count_ = 0, numParts_ = 0, numLeft_ = 0, round_ = 0;
  std::fenv_t environment_;
};

}  // namespace unet_fleet
