// controls.h: what only libcuptx.so has. All may be called from any thread; README.md describes them.
#pragma once
#include "api.h"

#pragma GCC visibility push(default)
extern "C" {
void cuptxSetJudge(int on);
// The oldest finding that was not taken yet, in one line; null when there is none. Valid until the thread asks again.
const char* cuptxTakeFinding(void);
// For the judge these bytes of device memory were never written.
void cuptxForget(CUdeviceptr address, size_t bytes);
// What ptxas said of the kernels of an architecture: "ptxas -v" under lines "== sm_90/file".
void cuptxSetRegisters(const char* report);
}
#pragma GCC visibility pop
