// Streams, events, capture and graphs: order, and nothing but the order that was asked for.
#include <atomic>
#include <chrono>
#include <thread>
#include "device.h"

constexpr int SLOW = 20'000'000;  // rounds: tens of milliseconds

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Event {
  CUevent handle = nullptr;
  explicit Event(unsigned flags = 0) { OK(cuEventCreate(&handle, flags)); }
  ~Event() { cuEventDestroy_v2(handle); }
  Event(const Event&) = delete;
  operator CUevent() const { return handle; }
};

TEST(launchesDoNotWait) {
  Buffer<int> out(1);
  Stream s;
  double begin = seconds();
  OK(launch("slow_store", {1, 1}, s, out.address, 1, SLOW));
  double launched = seconds() - begin;
  SAME(cuStreamQuery(s), CUDA_ERROR_NOT_READY);
  OK(cuStreamSynchronize(s));
  CHECK(launched < (seconds() - begin) / 2);
  OK(cuStreamQuery(s));
  SAME(out.get()[0], 1);
}

TEST(aStreamKeepsItsOrder) {
  int n = 5000;
  Buffer<int> a(n, 0), b(n, 0);
  Stream s;
  for (int i = 0; i < 1000; ++i) {
    OK(launch("reverse_add", {20, 256}, s, b.address, a.address, n));
    OK(launch("reverse_add", {20, 256}, s, a.address, b.address, n));
  }
  OK(cuStreamSynchronize(s));
  for (int v : a.get()) SAME(v, 2000);
}

TEST(eventsOrderStreams) {
  Buffer<int> x(1), y(1);
  Stream a, b;
  Event done;
  for (int i = 1; i <= 3; ++i) {
    OK(launch("slow_store", {1, 1}, a, x.address, i, SLOW / 4));
    OK(cuEventRecord(done, a));
    OK(cuStreamWaitEvent(b, done, 0));
    OK(cuMemcpyDtoDAsync_v2(y, x, 4, b));
    OK(cuStreamSynchronize(b));
    SAME(y.get()[0], i);
  }
}

TEST(streamsRunSideBySide) {
  Buffer<int> x(1), y(1);
  Stream a, b;
  OK(launch("slow_store", {1, 1}, a, x.address, 1, SLOW));
  OK(launch("slow_store", {1, 1}, b, y.address, 2, 1));
  OK(cuStreamSynchronize(b));
  if (cuhostGetThreads() > 1) SAME(cuStreamQuery(a), CUDA_ERROR_NOT_READY);
  OK(cuStreamSynchronize(a));
}

TEST(aStreamThatWaitsHoldsNoWorker) {
  int before = cuhostGetThreads();
  OK(cuhostSetThreads(1));
  Buffer<int> x(1);
  Stream held, waiting, free;
  Event event;
  struct Gate {
    std::atomic<bool> open{false}, late{false};
  } gate;
  OK(cuLaunchHostFunc(held, [](void* p) {
    auto* gate = static_cast<Gate*>(p);
    for (int i = 0; i < 3000 && !gate->open; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    gate->late = !gate->open;
  }, &gate));
  OK(cuEventRecord(event, held));
  OK(cuStreamWaitEvent(waiting, event, 0));
  OK(launch("slow_store", {1, 1}, waiting, x.address, 2, 1));
  OK(launch("slow_store", {1, 1}, free, x.address, 1, 1));
  OK(cuStreamSynchronize(free));  // the one worker is free for it
  gate.open = true;
  OK(cuStreamSynchronize(waiting));
  CHECK(!gate.late);
  SAME(x.get()[0], 2);
  OK(cuhostSetThreads(before));
}

TEST(eventsTime) {
  Buffer<int> out(1);
  Stream s;
  Event begin, end, never, untimed(CU_EVENT_DISABLE_TIMING);
  float ms = -1;
  OK(cuEventRecord(begin, s));
  OK(launch("slow_store", {1, 1}, s, out.address, 1, SLOW));
  OK(cuEventRecord(end, s));
  OK(cuEventRecord(untimed, s));
  SAME(cuEventQuery(end), CUDA_ERROR_NOT_READY);
  SAME(cuEventElapsedTime(&ms, begin, end), CUDA_ERROR_NOT_READY);
  OK(cuEventSynchronize(end));
  OK(cuEventElapsedTime(&ms, begin, end));
  CHECK(ms > 1 && ms < 10'000);
  OK(cuEventElapsedTime_v2(&ms, end, begin));
  CHECK(ms < -1);
  SAME(cuEventElapsedTime(&ms, begin, never), CUDA_ERROR_INVALID_HANDLE);
  OK(cuStreamSynchronize(s));
  SAME(cuEventElapsedTime(&ms, begin, untimed), CUDA_ERROR_INVALID_HANDLE);
  OK(cuEventQuery(never));
}

TEST(theDefaultStreamAndBlockingStreamsWaitForEachOther) {
  Buffer<int> x(1), y(1), z(1), w(1);
  Stream blocking(CU_STREAM_DEFAULT);
  OK(launch("slow_store", {1, 1}, blocking, x.address, 7, SLOW / 2));
  OK(launch("reverse_add", {1, 1}, nullptr, y.address, x.address, 1));
  OK(cuStreamSynchronize(nullptr));
  SAME(y.get()[0], 8);
  OK(launch("slow_store", {1, 1}, nullptr, z.address, 5, SLOW / 2));
  OK(launch("reverse_add", {1, 1}, blocking, w.address, z.address, 1));
  OK(cuStreamSynchronize(blocking));
  SAME(w.get()[0], 6);
}

TEST(hostFunctionsRunInOrder) {
  Buffer<int> x(1);
  Stream s;
  struct Seen {
    CUdeviceptr x;
    int value;
  } seen = {x, -1};
  OK(launch("slow_store", {1, 1}, s, x.address, 3, SLOW / 4));
  OK(cuLaunchHostFunc(s, [](void* p) {
    auto* seen = static_cast<Seen*>(p);
    seen->value = *reinterpret_cast<int*>(seen->x);  // device memory is host memory here
  }, &seen));
  OK(launch("slow_store", {1, 1}, s, x.address, 4, 1));
  OK(cuStreamSynchronize(s));
  SAME(seen.value, 3);
  SAME(x.get()[0], 4);
}

TEST(destroyedStreamsFinish) {
  Buffer<int> x(1);
  CUstream s = nullptr;
  OK(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
  OK(launch("slow_store", {1, 1}, s, x.address, 3, SLOW / 4));
  OK(cuStreamDestroy_v2(s));
  OK(cuCtxSynchronize());
  SAME(x.get()[0], 3);
}

TEST(pinnedCopiesAreReadLate) {
  void* pinned = nullptr;
  OK(cuMemAllocHost_v2(&pinned, 4));
  int pageable = 1;
  *static_cast<int*>(pinned) = 1;
  Buffer<int> x(1), a(1), b(1);
  Stream s;
  OK(launch("slow_store", {1, 1}, s, x.address, 0, SLOW / 2));
  OK(cuMemcpyHtoDAsync_v2(a, pinned, 4, s));
  OK(cuMemcpyHtoDAsync_v2(b, &pageable, 4, s));
  *static_cast<int*>(pinned) = pageable = 2;
  OK(cuStreamSynchronize(s));
  SAME(a.get()[0], 2);
  SAME(b.get()[0], 1);  // staged at the call
  OK(cuMemFreeHost(pinned));
}

static CUgraphExec capture(CUstream s, const std::function<void()>& work, CUgraph* keep = nullptr) {
  CUgraph graph = nullptr;
  CUgraphExec executable = nullptr;
  OK(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  work();
  OK(cuStreamEndCapture(s, &graph));
  OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
  if (keep != nullptr) {
    *keep = graph;
  } else {
    OK(cuGraphDestroy(graph));
  }
  return executable;
}

TEST(captureAndReplay) {
  int n = 1000;
  Buffer<int> a(n, 0), b(n, 0);
  Stream s;
  static std::atomic<int> calls;
  calls = 0;
  CUgraphExec e = capture(s, [&] {
    OK(launch("reverse_add", {4, 256}, s, b.address, a.address, n));
    OK(cuMemcpyDtoDAsync_v2(a, b, n * 4, s));
    OK(cuMemsetD32Async(b, 77, n, s));
    OK(cuLaunchHostFunc(s, [](void*) { ++calls; }, nullptr));
    CUstreamCaptureStatus status;
    OK(cuStreamIsCapturing(s, &status));
    SAME(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
  });
  SAME(a.get()[0], 0);  // nothing has run
  uint64_t before = cuhostLaunchCount();
  OK(cuGraphUpload(e, s));
  for (int i = 0; i < 10; ++i) OK(cuGraphLaunch(e, s));
  OK(cuStreamSynchronize(s));
  for (int v : a.get()) SAME(v, 10);
  for (int v : b.get()) SAME(v, 77);
  SAME(calls, 10);
  SAME(cuhostLaunchCount() - before, 10);
  OK(cuGraphExecDestroy(e));
  SAME(cuGraphExecDestroy(e), CUDA_ERROR_INVALID_VALUE);
}

TEST(captureForksAndJoins) {
  Buffer<int> x(1, 5), y(1), z(1), w(1);
  Stream a, b;
  Event fork, join;
  CUgraph graph = nullptr;
  CUgraphExec e = capture(a, [&] {
    OK(launch("reverse_add", {1, 1}, a, y.address, x.address, 1));
    OK(cuEventRecord(fork, a));
    OK(cuStreamWaitEvent(b, fork, 0));
    OK(launch("reverse_add", {1, 1}, b, z.address, y.address, 1));
    OK(cuEventRecord(join, b));
    OK(cuStreamWaitEvent(a, join, 0));
    OK(launch("reverse_add", {1, 1}, a, w.address, z.address, 1));
  }, &graph);
  OK(cuGraphLaunch(e, b));
  OK(cuStreamSynchronize(b));
  SAME(w.get()[0], 8);
  size_t count = 0;
  OK(cuGraphGetNodes(graph, nullptr, &count));
  SAME(count, 3);
  SAME(cuEventSynchronize(join), CUDA_ERROR_CAPTURED_EVENT);
  OK(cuGraphExecDestroy(e));
  OK(cuGraphDestroy(graph));
}

TEST(wrongCaptures) {
  Buffer<int> x(1);
  Stream a, b;
  Event fork;
  CUgraph graph = nullptr;
  SAME(cuStreamBeginCapture_v2(nullptr, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  SAME(cuStreamEndCapture(a, &graph), CUDA_ERROR_ILLEGAL_STATE);
  // A fork that is not joined.
  OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuEventRecord(fork, a));
  OK(cuStreamWaitEvent(b, fork, 0));
  OK(cuMemsetD8Async(x, 1, 4, b));
  SAME(cuStreamEndCapture(b, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  SAME(cuStreamEndCapture(a, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
  OK(cuEventRecord(fork, a));
  OK(cuStreamWaitEvent(b, fork, 0));
  OK(cuMemsetD8Async(x, 1, 4, b));
  SAME(cuStreamEndCapture(a, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  // What may not be captured ends the capture, and the stream is usable again.
  OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
  SAME(cuStreamSynchronize(a), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  SAME(cuMemsetD8Async(x, 1, 4, a), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  SAME(cuStreamEndCapture(a, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  CHECK(graph == nullptr);
  OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
  CUdeviceptr p = 0;
  SAME(cuMemAlloc_v2(&p, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  SAME(cuStreamEndCapture(a, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuMemAlloc_v2(&p, 16));
  OK(cuMemFree_v2(p));
  OK(cuStreamEndCapture(a, &graph));
  OK(cuGraphDestroy(graph));
  OK(cuMemsetD8Async(x, 1, 4, a));
  OK(cuStreamSynchronize(a));
}

TEST(graphNodesCanBeChanged) {
  Buffer<int> x(1, 1), y(1), z(1);
  Stream s;
  CUgraph graph = nullptr;
  CUgraphExec e = capture(s, [&] { OK(launch("reverse_add", {1, 1}, s, y.address, x.address, 1)); }, &graph);
  CUgraphNode node = nullptr;
  size_t count = 1;
  OK(cuGraphGetNodes(graph, &node, &count));
  CUgraphNodeType type;
  OK(cuGraphNodeGetType(node, &type));
  SAME(type, CU_GRAPH_NODE_TYPE_KERNEL);
  CUDA_KERNEL_NODE_PARAMS p;
  OK(cuGraphKernelNodeGetParams_v2(node, &p));
  CHECK(p.func == function("reverse_add"));
  SAME(p.blockDimX, 1);
  SAME(*static_cast<CUdeviceptr*>(p.kernelParams[0]), y.address);
  OK(cuGraphLaunch(e, s));
  // Another output for the launches to come.
  void* params[] = {&z.address, p.kernelParams[1], p.kernelParams[2]};
  p.kernelParams = params;
  OK(cuGraphExecKernelNodeSetParams_v2(e, node, &p));
  OK(cuGraphLaunch(e, s));
  OK(cuStreamSynchronize(s));
  SAME(y.get()[0], 2);
  SAME(z.get()[0], 2);
  p.blockDimX = 5000;
  SAME(cuGraphExecKernelNodeSetParams_v2(e, node, &p), CUDA_ERROR_INVALID_VALUE);
  // A whole graph of the same shape; and one of another shape.
  CUgraph same = nullptr, other = nullptr;
  OK(cuGraphExecDestroy(capture(s, [&] { OK(launch("slow_store", {1, 1}, s, z.address, 40, 1)); }, &same)));
  OK(cuGraphExecDestroy(capture(s, [&] { OK(cuMemsetD8Async(z, 1, 4, s)); }, &other)));
  CUgraphExecUpdateResultInfo info;
  OK(cuGraphExecUpdate_v2(e, same, &info));
  SAME(info.result, CU_GRAPH_EXEC_UPDATE_SUCCESS);
  OK(cuGraphLaunch(e, s));
  OK(cuStreamSynchronize(s));
  SAME(z.get()[0], 40);
  SAME(cuGraphExecUpdate_v2(e, other, &info), CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
  SAME(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED);
  for (CUgraph g : {graph, same, other}) OK(cuGraphDestroy(g));
  SAME(cuGraphNodeGetType(node, &type), CUDA_ERROR_INVALID_VALUE);
  OK(cuGraphExecDestroy(e));
}

TEST(launchesOfOneGraphDoNotOverlap) {
  Buffer<int> a(1, 0), b(1, 0), other(1);
  Stream s, t;
  CUgraphExec e = capture(s, [&] {  // a = a + 1, with a pause in which another launch would read a as it was
    OK(launch("reverse_add", {1, 1}, s, b.address, a.address, 1));
    OK(launch("slow_store", {1, 1}, s, other.address, 1, SLOW / 40));
    OK(cuMemcpyDtoDAsync_v2(a, b, 4, s));
  });
  for (int i = 0; i < 20; ++i) OK(cuGraphLaunch(e, i % 2 == 0 ? s : t));
  OK(cuStreamSynchronize(s));
  OK(cuStreamSynchronize(t));
  SAME(a.get()[0], 20);
  OK(cuGraphExecDestroy(e));
}

TEST(faultsInsideGraphs) {
  Buffer<int> x(1);
  Stream s;
  CUgraphExec e = capture(s, [&] {
    for (int i = 0; i < 3; ++i) OK(launch("count", {1, 1}, s, x.address));
  });
  cuhostInjectFault(nullptr, 1, CUDA_ERROR_LAUNCH_FAILED, 1);
  OK(cuGraphLaunch(e, s));
  SAME(cuStreamSynchronize(s), CUDA_ERROR_LAUNCH_FAILED);
  cuhostClearFaults();
  SAME(x.get()[0], 1);  // the first node ran, the second struck, the third did not run
  OK(cuGraphLaunch(e, s));
  OK(cuStreamSynchronize(s));
  SAME(x.get()[0], 4);
  OK(cuGraphExecDestroy(e));
}

// Every thread has its own stream and repeats copy, kernels, copy.
TEST(sixteenThreads) {
  CUcontext context = nullptr;
  OK(cuCtxGetCurrent(&context));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  testModule();
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      auto ok = [&](CUresult r) { wrong += r != CUDA_SUCCESS; };
      ok(cuCtxSetCurrent(context));
      CUstream s = nullptr;
      ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
      int n = 1000 + 100 * t;
      CUdeviceptr a = 0, b = 0;
      void* pinned = nullptr;
      ok(cuMemAlloc_v2(&a, n * 4));
      ok(cuMemAllocAsync(&b, n * 4, s));
      ok(cuMemAllocHost_v2(&pinned, n * 4));
      int* host = static_cast<int*>(pinned);
      CUfunction f = nullptr;
      ok(cuModuleGetFunction(&f, testModule(), "reverse_add"));
      for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < n; ++i) host[i] = t * round + i;
        ok(cuMemcpyHtoDAsync_v2(a, host, n * 4, s));
        void* there[] = {&b, &a, &n};
        void* back[] = {&a, &b, &n};
        ok(cuLaunchKernel(f, (n + 63) / 64, 1, 1, 64, 1, 1, 0, s, there, nullptr));
        ok(cuLaunchKernel(f, (n + 63) / 64, 1, 1, 64, 1, 1, 0, s, back, nullptr));
        ok(cuMemcpyDtoHAsync_v2(host, a, n * 4, s));
        ok(cuStreamSynchronize(s));
        for (int i = 0; i < n; ++i) wrong += host[i] != t * round + i + 2;
      }
      ok(cuMemFreeAsync(b, s));
      ok(cuStreamSynchronize(s));
      ok(cuStreamDestroy_v2(s));
      ok(cuMemFree_v2(a));
      ok(cuMemFreeHost(pinned));
    });
  }
  for (std::thread& t : threads) t.join();
  SAME(wrong, 0);
}

TEST(anyNumberOfWorkers) {
  int before = cuhostGetThreads();
  for (int threads : {1, 3, 7}) {
    OK(cuhostSetThreads(threads));
    SAME(cuhostGetThreads(), threads);
    int n = 5000;
    Buffer<int> a(n, 0), b(n, 0);
    Stream s;
    for (int i = 0; i < 100; ++i) {
      OK(launch("reverse_add", {20, 256}, s, b.address, a.address, n));
      OK(launch("reverse_add", {20, 256}, s, a.address, b.address, n));
    }
    OK(cuStreamSynchronize(s));
    for (int v : a.get()) SAME(v, 200);
  }
  OK(cuhostSetThreads(before));
  SAME(cuhostSetThreads(0), CUDA_ERROR_INVALID_VALUE);
}
