// An operation of ours as TensorFlow's C API has it: adding it, and the inputs and outputs of a call.
#pragma once
#include <cstdint>
#include <vector>

#include "map-memory.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_datatype.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

// What is used of tensorflow/c/kernels.h, which includes headers that are not installed.
extern "C" {
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
TF_KernelBuilder* TF_NewKernelBuilder(const char* op, const char* device, void* (*create)(TF_OpKernelConstruction*),
                                      void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*));
void TF_RegisterKernelBuilder(const char* name, TF_KernelBuilder*, TF_Status*);
void TF_GetInput(TF_OpKernelContext*, int index, TF_Tensor** tensor, TF_Status*);
void TF_SetOutput(TF_OpKernelContext*, int index, const TF_Tensor*, TF_Status*);
TF_Tensor* TF_AllocateOutput(TF_OpKernelContext*, int index, TF_DataType, const int64_t* shape, int numDims, size_t size,
                             TF_Status*);
void TF_OpKernelContext_Failure(TF_OpKernelContext*, TF_Status*);
}

namespace unet_fleet {

// Inputs and outputs of one call, and what becomes of them when something is wrong.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  // Null where it can't be had; the call fails then.
  TF_Tensor* input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (TF_GetCode(status_) != TF_OK) return nullptr;
    tensors_.push_back(tensor);
    return tensor;
  }

  // A map, NHWC, of the shape of `like` if there is one.
  TF_Tensor* map(int index, const TF_Tensor* like = nullptr) {
    TF_Tensor* tensor = input(index);
    if (tensor == nullptr) return nullptr;
    bool isMap = TF_NumDims(tensor) == 4;
    for (int i = 0; isMap && like != nullptr && i < 4; i++) isMap = TF_Dim(tensor, i) == TF_Dim(like, i);
    return isMap ? tensor : refuse("maps of four dimensions and one shape are expected");
  }

  // A map of as many pixels as `input`, whose channels are a multiple of `unit`.
  TF_Tensor* gradientOf(int index, const TF_Tensor* input, int64_t unit) {
    TF_Tensor* tensor = map(index);
    if (tensor == nullptr) return nullptr;
    bool fits = TF_Dim(tensor, 3) % unit == 0;
    for (int i = 0; i < 3; i++) fits = fits && TF_Dim(tensor, i) == TF_Dim(input, i);
    return fits ? tensor : refuse("a gradient of as many pixels and of whole columns is expected");
  }

  const float* channels(int index, int64_t numChannels) {
    TF_Tensor* tensor = input(index);
    if (tensor != nullptr && TF_TensorElementCount(tensor) != numChannels)
      tensor = refuse("a value for each channel is expected");
    return tensor == nullptr ? nullptr : valuesOf(tensor);
  }

  // A sum for each channel of each row of pixels, [N, H, C].
  float* rows(int index, const TF_Tensor* map) {
    const int64_t shape[3] = {TF_Dim(map, 0), TF_Dim(map, 1), TF_Dim(map, 3)};
    return output(index, shape, 3);
  }

  float* mapOutput(int index, const TF_Tensor* like) {
    const int64_t shape[4] = {TF_Dim(like, 0), TF_Dim(like, 1), TF_Dim(like, 2), TF_Dim(like, 3)};
    TF_Tensor* tensor = MapMemory::tensor(shape, 4, TF_TensorByteSize(like));
    if (tensor == nullptr) {
      TF_SetStatus(status_, TF_RESOURCE_EXHAUSTED, "out of memory for a map");
      return nullptr;
    }
    tensors_.push_back(tensor);
    TF_SetOutput(context_, index, tensor, status_);
    return TF_GetCode(status_) == TF_OK ? valuesOf(tensor) : nullptr;
  }

  // Of the C library's memory, by TensorFlow.
  float* output(int index, const int64_t* shape, int numDims) {
    size_t size = sizeof(float);
    for (int i = 0; i < numDims; i++) size *= shape[i];
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape, numDims, size, status_);
    if (TF_GetCode(status_) != TF_OK) return nullptr;
    tensors_.push_back(tensor);
    return valuesOf(tensor);
  }

  static float* valuesOf(TF_Tensor* tensor) { return static_cast<float*>(TF_TensorData(tensor)); }

 private:
  TF_Tensor* refuse(const char* message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
    return nullptr;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> tensors_;
};

struct MapSize {
  int64_t numRows, width, numChannels;
  explicit MapSize(const TF_Tensor* map)
      : numRows(TF_Dim(map, 0) * TF_Dim(map, 1)), width(TF_Dim(map, 2)), numChannels(TF_Dim(map, 3)) {}
  int64_t rowLength() const { return width * numChannels; }
};

inline void anyShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

inline void* makeNothing(TF_OpKernelConstruction*) { return nullptr; }
inline void deleteNothing(void*) {}

inline void addOperation(const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs,
         void (*compute)(void*, TF_OpKernelContext*)) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, &anyShape);
  TF_RegisterOpDefinition(definition, status);
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", &makeNothing, compute, &deleteNothing);
  TF_RegisterKernelBuilder(name, kernel, status);
  TF_DeleteStatus(status);
}

}  // namespace unet_fleet
