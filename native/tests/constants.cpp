// Prints the values and sizes that libcuhost takes from its header: built against cuda.h and against cuda_slice.h, the
// two outputs must agree.
#include <cstdio>
#include "api.h"

#define SHOW(name) std::printf(#name " %lld\n", static_cast<long long>(name))
int main() {
#include "constants.inc"
  SHOW(sizeof(CUDA_KERNEL_NODE_PARAMS));
  SHOW(sizeof(CUgraphExecUpdateResultInfo));
  SHOW(sizeof(CUuuid));
  SHOW(sizeof(CUdeviceptr));
  SHOW(offsetof(CUDA_KERNEL_NODE_PARAMS, kernelParams));
  SHOW(reinterpret_cast<long long>(CU_STREAM_LEGACY));
  SHOW(reinterpret_cast<long long>(CU_STREAM_PER_THREAD));
  SHOW(reinterpret_cast<long long>(CU_LAUNCH_PARAM_BUFFER_POINTER));
  SHOW(reinterpret_cast<long long>(CU_LAUNCH_PARAM_BUFFER_SIZE));
}
