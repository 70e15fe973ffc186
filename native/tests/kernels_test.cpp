// Kernels on the host: loops, fibers, barriers, warps, cp.async; and what a wrong kernel is told.
#include <cstring>
#include "device.h"

TEST(loopKernelComputes) {
  int n = 100'003;
  Buffer<float> x(n, 3.0f), y(n, 1.0f);
  Stream s;
  OK(launch("saxpy", {(n + 255u) / 256, 256}, s, y.address, x.address, 2.0f, n));
  OK(cuStreamSynchronize(s));
  for (float v : y.get()) SAME(v, 7);
}

TEST(threadsAndBlocksOfThreeDimensions) {
  for (const char* kernel : {"where", "where_fibers"}) {
#if defined(__SANITIZE_THREAD__)
    if (std::strcmp(kernel, "where") != 0) continue;
#endif
    Buffer<int> out(5 * 3 * 2 * 24);
    void* params[] = {&out.address};
    OK(cuLaunchKernel(function(kernel), 5, 3, 2, 4, 3, 2, 0, nullptr, params, nullptr));
    OK(cuCtxSynchronize());
    std::vector<int> got = out.get();
    for (int i = 0; i < 5 * 3 * 2 * 24; ++i) SAME(got[i], i / 24 * 10000 + i % 24);
  }
}

TEST(parametersOfEverySize) {
  Buffer<double> out(1);
  OK(launch("parameters", {1, 32}, nullptr, out.address, char{1}, short{20}, 300, 4000ll, 0.5f, 0.25));
  OK(cuCtxSynchronize());
  CHECK(out.get()[0] == 4321.75);
  // The same as one packed buffer.
  struct alignas(8) Packed {
    CUdeviceptr out;
    char c;
    short s;
    int i;
    long long l;
    float f;
    double d;
  } packed = {out.address, 2, 20, 300, 4000, 0.5f, 0.25};
  size_t bytes = sizeof packed;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  OK(cuLaunchKernel(function("parameters"), 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra));
  OK(cuCtxSynchronize());
  CHECK(out.get()[0] == 4322.75);
  bytes = 8;
  SAME(cuLaunchKernel(function("parameters"), 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
}

TEST(atomicsCountEveryThreadOfEveryBlock) {
  Buffer<int> out(1);
  OK(launch("count", {1000, 128}, nullptr, out.address));
  OK(cuCtxSynchronize());
  SAME(out.get()[0], 128'000);
}

TEST(workerIndexIsInRange) {
  Buffer<int> out(64);
  OK(launch("workers", {64, 1}, nullptr, out.address));
  OK(cuCtxSynchronize());
  for (int v : out.get()) SAME(v, cuhostGetThreads());
}

TEST(checkingFillsSharedMemory) {
  Buffer<unsigned> out(32);
  cuhostSetChecking(1);
  OK(launch("shared_bits", {1, 32, 128}, nullptr, out.address));
  OK(cuCtxSynchronize());
  cuhostSetChecking(0);
  for (unsigned v : out.get()) SAME(v, 0xffffffffu);
}

#if !defined(__SANITIZE_THREAD__)  // which does not know our fibers

// Runs the check without and with random interleaving, with many seeds.
static void everyOrder(void (*check)()) {
  check();
  cuhostSetChecking(1);
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    cuhostSetSeed(seed);
    check();
  }
  cuhostSetChecking(0);
}

TEST(shufflesAndBarriers) {
  everyOrder([] {
    Buffer<float> x(16 * 96, 2.0f), out(16);
    OK(launch("block_sum", {16, 96}, nullptr, out.address, x.address));
    OK(cuCtxSynchronize());
    for (float v : out.get()) SAME(v, 192);
  });
}

TEST(barriersDoNotCountThreadsThatLeft) {
  everyOrder([] {
    Buffer<int> out(64);
    OK(launch("early", {1, 64}, nullptr, out.address, 48));
    OK(cuCtxSynchronize());
    std::vector<int> got = out.get();
    for (int i = 0; i < 64; ++i) SAME(got[i], i < 48 ? 111 : 0);
  });
}

TEST(noThreadSlipsThroughABarrier) {
  everyOrder([] {
    Buffer<int> out(128);
    OK(launch("slip", {1, 128}, nullptr, out.address));
    OK(cuCtxSynchronize());
    for (int v : out.get()) SAME(v, 4 * 496 + 6);
  });
}

TEST(collectivesOfChangingGroups) {
  // The same computation, lane by lane.
  std::vector<int> sums(32, 0);
  for (int round = 0; round < 8; ++round) {
    std::vector<int> before;
    for (int lane = 0; lane < 32; ++lane) {
      if (lane < 16) sums[lane] += (lane ^ 1) * (round + 1);
      sums[lane] += (lane ^ 2) + round;
      if (lane >= 8) sums[lane] += 12;
    }
    before = sums;
    for (int lane = 0; lane < 32; ++lane) sums[lane] += before[31 - lane] & 1;
    for (int lane = 0; lane < 8; ++lane) sums[lane] += lane == 0 ? 0 : lane - 1;
  }
  static std::vector<int> expected;
  expected = sums;
  everyOrder([] {
    Buffer<int> out(64);
    OK(launch("mixed_masks", {1, 64}, nullptr, out.address));
    OK(cuCtxSynchronize());
    std::vector<int> got = out.get();
    for (int i = 0; i < 64; ++i) SAME(got[i], expected[i % 32]);
  });
}

TEST(namedBarriers) {
  everyOrder([] {
    Buffer<int> out(64);
    OK(launch("producer_consumer", {1, 128}, nullptr, out.address));
    OK(cuCtxSynchronize());
    std::vector<int> got = out.get();
    for (int i = 0; i < 64; ++i) SAME(got[i], 5 * (63 - i) + 10);
  });
}

TEST(asyncCopyArrivesAtItsWaitAndNotBefore) {
  Buffer<int> in(64), out(64);
  std::vector<int> values(64);
  for (int i = 0; i < 64; ++i) values[i] = i + 1;
  in.set(values);
  OK(launch("async_copies", {1, 64}, nullptr, out.address, in.address, 1));
  OK(cuCtxSynchronize());
  std::vector<int> got = out.get();
  for (int i = 0; i < 64; ++i) SAME(got[i], i < 62 ? i + 1 : 0);  // the tail is zero
  OK(launch("async_copies", {1, 64}, nullptr, out.address, in.address, 0));
  OK(cuCtxSynchronize());
  for (int v : out.get()) SAME(v, -1);  // the wait is missing, and it shows
}

TEST(wrongKernelsAreToldWhy) {
  Buffer<int> out(64);
  expectFault("divergent __syncthreads", "diverge", {1, 64}, out.address);
  expectFault("deadlock", "half_a_collective", {1, 32}, out.address);
  expectFault("reads lane 20, which does not take part", "foreign_lane", {1, 32}, out.address);
  expectFault("not aligned to 16 bytes", "misaligned_copy", {1, 1}, out.address);
  expectFault("export this kernel with HOST_KERNEL_FIBERS", "barrier_in_loop", {1, 64}, out.address);
  SAME(out.get()[0], 0);
  // A fault names its place.
  OK(launch("diverge", {1, 64}, nullptr, out.address));
  SAME(cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED);
  CHECK(std::string(cuhostLastFault()).find("test_kernels.cu") != std::string::npos);
  CHECK(std::string(cuhostLastFault()).find("kernel diverge") == 0);
  cuhostClearFaults();
  // And the workers have survived it.
  OK(launch("early", {1, 64}, nullptr, out.address, 64));
  OK(cuCtxSynchronize());
  SAME(out.get()[63], 111);
}

// What the threads of a racy kernel saw, in the order of the seed.
static std::vector<float> race(uint64_t seed, float base) {
  cuhostSetChecking(1);
  cuhostSetSeed(seed);
  Buffer<float> out(64);
  OK(launch("missing_barrier", {1, 64}, nullptr, out.address, base));
  OK(cuCtxSynchronize());
  cuhostSetChecking(0);
  return out.get();
}

TEST(interleavingShowsAMissingBarrier) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    float base = 100.0f * static_cast<float>(seed);
    std::vector<float> got = race(seed, base);
    int wrong = 0;
    for (int i = 0; i < 64; ++i) wrong += got[i] != base + static_cast<float>(63 - i);
    CHECK(wrong > 0);
  }
}

TEST(oneSeedIsOneOrder) {
  int before = cuhostGetThreads();
  OK(cuhostSetThreads(1));  // one worker: shared memory holds what the run before left
  race(3, 0);
  std::vector<float> first = race(7, 100);
  race(3, 0);
  CHECK(race(7, 100) == first);
  race(3, 0);
  CHECK(race(8, 100) != first);
  OK(cuhostSetThreads(before));
}

#endif

void beyondGlobal() {
  Buffer<int> out(64);
  std::vector<int> heap(64);
  OK(launch("beyond_global", {1, 1}, nullptr, heap.data(), 64));
  OK(cuCtxSynchronize());
}

void beyondShared() {
  Buffer<int> out(1);
  OK(launch("beyond_shared", {1, 1, 64}, nullptr, out.address, 16));
  OK(cuCtxSynchronize());
}

#if defined(__SANITIZE_ADDRESS__)
extern std::string self;
TEST(addressSanitizerSeesKernels) {
  for (const char* name : {"beyondGlobal", "beyondShared"}) {
    FILE* child = popen((self + " " + modulePath + " --one " + name + " 2>&1").c_str(), "r");
    std::string output;
    for (char buffer[4096]; size_t n = fread(buffer, 1, sizeof buffer, child);) output.append(buffer, n);
    CHECK(pclose(child) != 0);
    CHECK(output.find("AddressSanitizer") != std::string::npos);
    CHECK(output.find("test_kernels.cu") != std::string::npos);
  }
}
#endif
