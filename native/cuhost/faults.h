// faults.h: the loss of the context, real or injected.
#pragma once
#include <string>
#include "api.h"

namespace cuhost {

// The context is lost: every later call returns `code` until cuhostClearFaults. The first loss stays.
void lose(CUresult code, const std::string& why);
CUresult lost();

struct InjectedFault {
  CUresult code = CUDA_SUCCESS;  // CUDA_SUCCESS: none
  bool sticky = false;
};
// Called once for each launch of a kernel, in the order in which they are enqueued.
InjectedFault nextLaunch(const char* kernel);
uint64_t countLaunch();  // the launch's number, from 1

bool checking();
uint64_t seed();

}  // namespace cuhost
