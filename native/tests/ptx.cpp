// ptx_test: the interpreter of PTX through the driver API: what it refuses to load and to launch, what it computes, what it
// faults on, what its judge finds. Kernels are a few lines of PTX each.
#include <cstring>
#include "../ptx/controls.h"
#include "check.h"

namespace {

constexpr int CAPABILITY[] = {75, 80, 90};

// Makes a device current; the one before is given back.
struct Opened {
  CUcontext context = nullptr;
  CUdevice device;
  explicit Opened(CUdevice device = 2) : device(device) {
    OK(cuDevicePrimaryCtxRetain(&context, device));
    OK(cuCtxSetCurrent(context));
  }
  ~Opened() { OK(cuDevicePrimaryCtxRelease_v2(device)); }
};

std::string moduleOf(const std::string& body, const std::string& target = "sm_75", const std::string& params = ".param .u64 p") {
  return ".version 9.0\n.target " + target + "\n.address_size 64\n.extern .shared .align 16 .b8 dynamic[];\n.visible .entry k(" + params +
         ")\n{\n.reg .pred %p<9>;\n.reg .b16 %h<9>;\n.reg .b32 %r<19>;\n.reg .f32 %f<9>;\n.reg .b64 %d<9>;\n" + body + "\n}\n";
}

CUresult load(const std::string& text, std::string& why, CUmodule* module = nullptr) {
  char log[512] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
  CUmodule mine = nullptr;
  CUresult status = cuModuleLoadDataEx(&mine, text.c_str(), 2, options, values);
  why = log;
  if (module != nullptr) *module = mine;
  return status;
}

void expectText(const std::string& text, const char* part) {
  if (text.find(part) != text.npos) return;
  ++failures;
  std::printf("  '%s' does not have '%s'\n", text.c_str(), part);
}

void refused(const std::string& text, CUresult code, const char* part) {
  std::string why;
  SAME(load(text, why), code);
  expectText(why, part);
}

CUfunction kernelOf(const std::string& text) {
  std::string why;
  CUmodule module = nullptr;
  if (load(text, why, &module) != CUDA_SUCCESS) {
    ++failures;
    std::printf("  not loaded: %s\n", why.c_str());
    return nullptr;
  }
  CUfunction f = nullptr;
  OK(cuModuleGetFunction(&f, module, "k"));
  return f;
}

struct Memory {
  CUdeviceptr address = 0;
  explicit Memory(size_t words, bool written = true) : words(words) {
    OK(cuMemAlloc_v2(&address, 4 * words));
    if (written) OK(cuMemsetD32_v2(address, 0, words));
  }
  ~Memory() { cuMemFree_v2(address); }
  std::vector<uint32_t> get() const {
    std::vector<uint32_t> values(words);
    OK(cuMemcpyDtoH_v2(values.data(), address, 4 * words));
    return values;
  }
  size_t words;
};

CUresult launch(CUfunction f, unsigned blocks, unsigned threads, unsigned shared, CUdeviceptr p) {
  void* params[] = {&p};
  CUresult status = cuLaunchKernel(f, blocks, 1, 1, threads, 1, 1, shared, nullptr, params, nullptr);
  return status != CUDA_SUCCESS ? status : cuCtxSynchronize();
}

// Stores register %r1 of each thread to p[thread].
const char* const STORE = R"(
  ld.param.u64 %d1, [p];
  mov.u32 %r2, %tid.x;
  mul.wide.u32 %d2, %r2, 4;
  add.s64 %d3, %d1, %d2;
  st.global.u32 [%d3], %r1;)";

std::vector<uint32_t> computed(const std::string& body, unsigned threads = 32, const std::string& target = "sm_75") {
  Memory out(threads);
  OK(launch(kernelOf(moduleOf(body + STORE, target)), 1, threads, 1024, out.address));
  return out.get();
}

void faults(const std::string& body, CUresult code, const char* part, unsigned threads = 32, unsigned words = 32) {
  Memory memory(words);
  CUfunction f = kernelOf(moduleOf(body));
  SAME(launch(f, 1, threads, 64, memory.address), code);
  expectText(cuhostLastFault(), part);
  size_t free, total;
  SAME(cuMemGetInfo_v2(&free, &total), code);  // sticky
  SAME(cuCtxSynchronize(), code);
  cuhostClearFaults();
}

std::string findings() {
  std::string all;
  while (const char* one = cuptxTakeFinding()) all += std::string(one) + "\n";
  return all;
}

void found(const std::string& body, const char* part, unsigned blocks = 1, unsigned threads = 64, const std::string& target = "sm_80") {
  findings();
  Memory memory(256);
  OK(launch(kernelOf(moduleOf(body, target)), blocks, threads, 1024, memory.address));
  std::string text = findings();
  if (part == nullptr) {
    if (!text.empty()) ++failures, std::printf("  found without reason: %s\n", text.c_str());
  } else {
    expectText(text, part);
  }
}

}  // namespace

TEST(whatIsNotUnderstoodIsRefused) {
  Opened device;
  refused(moduleOf("frob.u32 %r1, %r2;"), CUDA_ERROR_INVALID_PTX, "line 12: k: unknown instruction frob.u32: frob.u32 %r1, %r2;");
  refused(moduleOf("add.u32 %r1, %d1, 1;"), CUDA_ERROR_INVALID_PTX, "register %d1 has 64 bits, not 32");
  refused(moduleOf("add.u32 %r1, %r2;"), CUDA_ERROR_INVALID_PTX, "too few operands");
  refused(moduleOf("add.u32 %r1, %r2, %r3, %r4;"), CUDA_ERROR_INVALID_PTX, "too many operands");
  refused(moduleOf("mov.u32 %r99, 1;"), CUDA_ERROR_INVALID_PTX, "unknown register '%r99'");
  refused(moduleOf("bra there;"), CUDA_ERROR_INVALID_PTX, "unknown label 'there'");
  refused(moduleOf("mov.u32 %r1, nothing;"), CUDA_ERROR_INVALID_PTX, "unknown symbol 'nothing'");
  refused(moduleOf("ld.global.v2.u32 {%r1,%r2,%r3}, [%d1];"), CUDA_ERROR_INVALID_PTX, "has 2 elements");
  refused(moduleOf("cp.async.wait_all;", "sm_75"), CUDA_ERROR_INVALID_PTX, "needs sm_80; the target is sm_75");
  refused(".version 9.0\n.target sm_75\n.global .u32 x;\n", CUDA_ERROR_INVALID_PTX, "line 3");
  refused(moduleOf("ret;").substr(0, moduleOf("ret;").size() - 3), CUDA_ERROR_INVALID_PTX, "the text ends");
  refused(moduleOf("", "sm_100"), CUDA_ERROR_NO_BINARY_FOR_GPU, "compute capability 9.0");
  refused(moduleOf("", "sm_80a"), CUDA_ERROR_NO_BINARY_FOR_GPU, "sm_80a does not run");
  refused(".version 9.9\n.target sm_75\n", CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "newer than 9.0");
  refused("\x7f""ELF", CUDA_ERROR_NO_BINARY_FOR_GPU, "an ELF file");
}

TEST(oneCapabilityAtATime) {
  for (int d = 0; d < 3; ++d) {
    Opened device(d);
    int major = 0, minor = 0;
    OK(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, d));
    OK(cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, d));
    SAME(10 * major + minor, CAPABILITY[d]);
    CUcontext other = nullptr;
    SAME(cuDevicePrimaryCtxRetain(&other, d == 0 ? 1 : 0), CUDA_ERROR_ILLEGAL_STATE);
    CUdevice current = -1;
    OK(cuCtxGetDevice(&current));
    SAME(current, d);
  }
}

TEST(arithmeticIsRight) {
  Opened device;
  SAME(computed("mov.u32 %r3, %tid.x; mad.lo.s32 %r1, %r3, %r3, 7;")[5], 32);
  SAME(computed("mov.u32 %r3, -7; div.s32 %r1, %r3, 2;")[0], static_cast<uint32_t>(-3));
  SAME(computed("mov.u32 %r3, -7; shr.s32 %r1, %r3, 40;")[0], ~0u);
  SAME(computed("mov.u32 %r3, 240; bfe.u32 %r1, %r3, 4, 8;")[0], 15);
  SAME(computed("mov.u32 %r3, 0x80; cvt.s32.s8 %r1, %r3;")[0], static_cast<uint32_t>(-128));
  SAME(computed("mov.b32 %r3, 0x12345678; mov.b32 {%h1, %h2}, %r3; mov.b32 %r1, {%h2, %h1};")[0], 0x56781234);
  SAME(computed("mov.f32 %f1, 0f40490FDB; cvt.rn.f16.f32 %h1, %f1; cvt.u32.u16 %r1, %h1;")[0], 0x4248);
  SAME(computed("mov.f32 %f1, 0f7FC00001; cvt.rn.f16.f32 %h1, %f1; cvt.u32.u16 %r1, %h1;")[0], 0x7fff);
  SAME(computed("mov.f32 %f1, 0fC1200000; cvt.rzi.u32.f32 %r1, %f1;")[0], 0);
  SAME(computed("mov.f32 %f1, 0f3F800000; mov.f32 %f2, 0f33000000; add.rp.f32 %f3, %f1, %f2; mov.b32 %r1, %f3;")[0], 0x3f800001);
  SAME(computed("mov.u32 %r3, %tid.x; setp.lt.u32 %p1, %r3, 9; setp.gt.and.u32 %p2, %r3, 6, %p1; selp.u32 %r1, 1, 2, %p2;")[7], 1);
  SAME(computed("mov.u32 %r3, 0x3c00c000; mov.u32 %r4, 0x3c003c00; add.f16x2 %r1, %r3, %r4;")[0], 0x4000bc00);
  SAME(computed("prmt.b32 %r1, 0x33221100, 0x77665544, 0x7531;")[0], 0x77553311);
}

TEST(lanesBranchApartAndMeet) {
  Opened device;
  std::string loop = "mov.u32 %r3, %tid.x; mov.u32 %r1, 0;\nagain: setp.eq.u32 %p1, %r3, 0; @%p1 bra out;\n"
                     "add.u32 %r1, %r1, %r3; sub.u32 %r3, %r3, 1; bra.uni again;\nout: vote.sync.ballot.b32 %r4, 1, -1;";
  std::string sums = loop;
  sums.replace(sums.find("1, -1"), 5, "%p1, -1");
  auto values = computed(sums);
  for (uint32_t l = 0; l < 32; ++l) SAME(values[l], l * (l + 1) / 2);
  SAME(computed("mov.u32 %r3, %laneid; shfl.sync.bfly.b32 %r1|%p1, %r3, 1, 31, -1;")[6], 7);
  SAME(computed("mov.u32 %r3, %laneid; shfl.sync.up.b32 %r1, %r3, 4, 0, -1;")[2], 2);
  SAME(computed("mov.u32 %r3, %laneid; shfl.sync.down.b32 %r1, %r3, 4, 31, -1;")[30], 30);
  SAME(computed("mov.u32 %r3, %laneid; shfl.sync.idx.b32 %r1, %r3, 4, 31, -1;")[30], 4);
  SAME(computed("mov.u32 %r3, %laneid; redux.sync.add.u32 %r1, %r3, -1;", 32, "sm_80")[3], 496);
}

TEST(parametersMayBeStructs) {
  Opened device;
  CUfunction f = kernelOf(moduleOf("ld.param.u64 %d1, [p+8]; ld.param.v2.u32 {%r1,%r2}, [p]; ld.param.u16 %h1, [p+16]; cvt.u32.u16 %r3, %h1;\n"
                                   "add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3; st.global.u32 [%d1], %r1;", "sm_75", ".param .align 8 .b8 p[24]"));
  Memory out(1);
  struct alignas(8) { uint32_t a = 1, b = 20; uint64_t to; uint16_t c = 300; } value{1, 20, out.address, 300};
  static_assert(sizeof value == 24);
  size_t offset, size;
  OK(cuFuncGetParamInfo(f, 0, &offset, &size));
  SAME(size, 24);
  SAME(cuFuncGetParamInfo(f, 1, &offset, &size), CUDA_ERROR_INVALID_VALUE);
  void* params[] = {&value};
  OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, params, nullptr));
  OK(cuCtxSynchronize());
  SAME(out.get()[0], 321);
  size_t little = 16;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &value, CU_LAUNCH_PARAM_BUFFER_SIZE, &little, CU_LAUNCH_PARAM_END};
  SAME(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, nullptr, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
}

TEST(atomicsAndGenericAddresses) {
  Opened device;
  Memory sum(1);
  CUfunction f = kernelOf(moduleOf("ld.param.u64 %d1, [p]; mov.u32 %r1, %tid.x; atom.global.add.u32 %r2, [%d1], %r1;"));
  OK(launch(f, 4, 64, 0, sum.address));
  SAME(sum.get()[0], 4 * 2016);
  SAME(computed("mov.u64 %d4, dynamic; cvta.shared.u64 %d4, %d4; mov.u32 %r3, %tid.x; mul.wide.u32 %d5, %r3, 4; add.s64 %d4, %d4, %d5;"
                "st.u32 [%d4], %r3; ld.u32 %r1, [%d4];")[9], 9);
}

TEST(whatADeviceFaultsOn) {
  Opened device;
  const std::string address = "ld.param.u64 %d1, [p]; mov.u32 %r2, %tid.x; mul.wide.u32 %d2, %r2, 4; add.s64 %d3, %d1, %d2;";
  faults(address + "ld.global.u32 %r1, [%d3+2];", CUDA_ERROR_MISALIGNED_ADDRESS, "is not a multiple of 4");
  faults(address + "st.global.u32 [%d3+4], %r2;", CUDA_ERROR_ILLEGAL_ADDRESS, "thread 31: no memory at");
  faults(address + "ld.global.u32 %r1, [%d3+-4];", CUDA_ERROR_ILLEGAL_ADDRESS, "thread 0: no memory at");
  faults("mov.u32 %r1, %tid.x; shl.b32 %r1, %r1, 2; st.shared.u32 [%r1], %r1;", CUDA_ERROR_ILLEGAL_ADDRESS, "thread 16: no shared memory at 0x40: the block has 64 bytes");
  faults("mov.u32 %r1, 2; ld.shared.u32 %r1, [%r1];", CUDA_ERROR_MISALIGNED_ADDRESS, "shared address 0x2");
  faults("trap;", CUDA_ERROR_ILLEGAL_INSTRUCTION, "trap");
  faults("mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 5; @%p1 bra.uni out; mov.u32 %r2, 1;\nout: ret;", CUDA_ERROR_ILLEGAL_INSTRUCTION, "bra.uni is not uniform");
  faults("mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 32; @%p1 bra out; bar.sync 0;\nout: ret;", CUDA_ERROR_LAUNCH_FAILED, "barrier 0 is not reached by all threads", 64);
  faults("mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 5; @%p1 bra out; bar.sync 0;\nout: ret;", CUDA_ERROR_LAUNCH_FAILED, "is over");
  faults("mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 5; @%p1 bra one; bar.sync 0; ret;\none: bar.sync 1;", CUDA_ERROR_LAUNCH_FAILED, "wait at different instructions");
  faults("mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 5; @%p1 shfl.sync.bfly.b32 %r2, %r1, 1, 31, 3;", CUDA_ERROR_ILLEGAL_INSTRUCTION, "one mask that has them all");
}

TEST(launchLimits) {
  for (int d = 0; d < 3; ++d) {
    Opened device(d);
    Memory memory(1);
    CUfunction f = kernelOf(moduleOf("mov.u32 %r1, dynamic;"));
    SAME(launch(f, 1, 1025, 0, memory.address), CUDA_ERROR_INVALID_VALUE);
    OK(launch(f, 1, 1024, 48 << 10, memory.address));
    SAME(launch(f, 1, 32, (48 << 10) + 1, memory.address), CUDA_ERROR_INVALID_VALUE);
    const int most = d == 0 ? 64 << 10 : d == 1 ? 163 << 10 : 227 << 10;
    OK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most));
    SAME(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most + 1), CUDA_ERROR_INVALID_VALUE);
    OK(launch(f, 1, 32, most, memory.address));
    void* params[] = {&memory.address};
    SAME(cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, nullptr, params, nullptr), CUDA_ERROR_INVALID_VALUE);
    SAME(cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, nullptr, params, nullptr), CUDA_ERROR_INVALID_VALUE);
    SAME(cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, nullptr, params, nullptr), CUDA_ERROR_INVALID_VALUE);
  }
  Opened device;
  Memory memory(1);
  std::string text = moduleOf("");
  text.replace(text.find(")\n{"), 3, ")\n.maxntid 64, 2, 1\n{");
  CUfunction f = kernelOf(text);
  OK(launch(f, 1, 128, 0, memory.address));
  SAME(launch(f, 1, 129, 0, memory.address), CUDA_ERROR_INVALID_VALUE);
  cuptxSetRegisters("== sm_90/test\nCompiling entry function 'k' for 'sm_90'\nUsed 65 registers, used 1 barriers\n");
  CUfunction many = kernelOf(moduleOf(""));
  int value = 0, blocks = 0;
  OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, many));
  SAME(value, 65);
  OK(launch(many, 1, 896, 0, memory.address));  // 72 a thread are taken
  SAME(launch(many, 1, 1024, 0, memory.address), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
  OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, many, 256, 0));
  SAME(blocks, 3);
  cuptxSetRegisters("Compiling entry function 'k' for 'sm_90'\nUsed 0 registers\n");
}

TEST(whatACaptureForbids) {
  Opened device;
  CUstream stream;
  OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  std::string text = moduleOf(""), why;
  CUdeviceptr p;
  void* host;
  char byte;
  auto forbidden = [&](auto call) {
    Memory memory(1);
    CUgraph graph = nullptr;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    SAME(call(memory.address), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    SAME(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  };
  forbidden([&](CUdeviceptr) { return load(text, why); });
  forbidden([&](CUdeviceptr) { return cuMemAlloc_v2(&p, 4); });
  forbidden([&](CUdeviceptr) { return cuMemAllocHost_v2(&host, 4); });
  forbidden([&](CUdeviceptr a) { return cuMemFree_v2(a); });
  forbidden([&](CUdeviceptr a) { return cuMemcpyDtoH_v2(&byte, a, 1); });
  forbidden([&](CUdeviceptr) { return cuCtxSynchronize(); });
  forbidden([&](CUdeviceptr) { return cuStreamSynchronize(stream); });
  OK(cuStreamDestroy_v2(stream));
  // The legacy stream would wait for a blocking stream, which its capture forbids.
  Memory memory(1);
  CUgraph graph = nullptr;
  OK(cuStreamCreate(&stream, CU_STREAM_DEFAULT));
  OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  SAME(cuMemsetD8Async(memory.address, 0, 4, nullptr), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  SAME(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  OK(cuStreamDestroy_v2(stream));
}

TEST(theJudgeOfSharedMemory) {
  Opened device;
  const std::string mine = "mov.u32 %r1, %tid.x; shl.b32 %r2, %r1, 2; mov.u32 %r3, dynamic; add.u32 %r2, %r2, %r3; xor.b32 %r4, %r2, 128; xor.b32 %r6, %r2, 4;";
  found(mine + "st.shared.u32 [%r2], %r1; bar.sync 0; ld.shared.u32 %r5, [%r4]; bar.sync 0; st.shared.u32 [%r2], %r5;", nullptr);
  found(mine + "st.shared.u32 [%r2], %r1; ld.shared.u32 %r5, [%r4];", "in shared memory a read races with a write: kernel k, PTX line 12");
  found(mine + "st.shared.u32 [%r2], %r1; bar.sync 0; ld.shared.u32 %r5, [%r4]; st.shared.u32 [%r2], %r5;", "a write races with a read");
  found("mov.u32 %r3, dynamic; st.shared.u32 [%r3], 1;", "a write races with a write");
  found(mine + "ld.shared.u32 %r5, [%r2];", "shared memory is read that was never written");
  found(mine + "st.shared.u32 [%r2], %r1; bar.warp.sync -1; ld.shared.u32 %r5, [%r6]; bar.warp.sync -1; st.shared.u32 [%r2], %r5;", nullptr);
  found(mine + "st.shared.u32 [%r2], %r1; ld.shared.u32 %r5, [%r6];", "the other is thread");
  const std::string copy = "mov.u32 %r1, %tid.x; shl.b32 %r2, %r1, 4; mov.u32 %r3, dynamic; add.u32 %r2, %r2, %r3; ld.param.u64 %d1, [p];"
                           "and.b32 %r5, %r1, 31; mul.wide.u32 %d2, %r5, 16; add.s64 %d1, %d1, %d2; cp.async.cg.shared.global [%r2], [%d1], 16; cp.async.commit_group;";
  found(copy + "cp.async.wait_group 0; ld.shared.u32 %r4, [%r2];", nullptr);
  found(copy + "cp.async.wait_group 1; ld.shared.u32 %r4, [%r2]; cp.async.wait_all;", "before its asynchronous copy was waited for");
  found(copy, "an asynchronous copy is never waited for");
}

TEST(theJudgeOfDeviceMemory) {
  Opened device;
  const std::string at = "ld.param.u64 %d1, [p]; mov.u32 %r1, %tid.x; mul.wide.u32 %d2, %r1, 2; add.s64 %d2, %d2, %d1; mov.u32 %r2, %ctaid.x;";
  found(at + "cvt.u16.u32 %h1, %r2; st.global.u16 [%d2], %h1;", "between blocks a write races with a write", 2);
  found(at + "cvt.u16.u32 %h1, %r2; st.global.u16 [%d2], %h1;", nullptr, 1);
  found(at + "setp.eq.u32 %p1, %r2, 0; @%p1 st.global.u16 [%d2], 1; @!%p1 ld.global.u16 %h1, [%d2];", "the other is block", 2);
  found(at + "red.global.add.u32 [%d1], 1;", nullptr, 4);
  findings();
  Memory fresh(256, false);
  CUfunction f = kernelOf(moduleOf(at + "ld.global.u16 %h1, [%d2];"));
  OK(cuMemsetD8_v2(fresh.address, 1, 64));
  OK(launch(f, 1, 32, 0, fresh.address));
  SAME(findings().size(), 0);
  cuptxForget(fresh.address + 62, 2);
  OK(launch(f, 1, 32, 0, fresh.address));
  expectText(findings(), "device memory is read that was never written: kernel k, PTX line 12");
  OK(launch(f, 1, 32, 0, fresh.address));
  SAME(findings().size(), 0);  // once for an instruction
}

TEST(findingsNameTheSource) {
  Opened device;
  std::string text = moduleOf(".loc 1 7 3\nmov.u32 %r3, dynamic;\n.loc 1 30 1\n.loc 2 9 1, function_name $info, inlined_at 1 30 1\nld.shared.u32 %r1, [%r3];");
  text.insert(text.find(".extern"), ".file 1 \"/somewhere/kernels/one.cu\"\n.file 2 \"/somewhere/kernels/two.cuh\"\n");
  findings();
  Memory memory(1);
  OK(launch(kernelOf(text), 1, 1, 64, memory.address));
  expectText(findings(), "(ld.shared.u32 %r1, [%r3];), kernels/two.cuh:9, from kernels/one.cu:30, block 0,0,0 thread 0, byte 0");
}

int main(int count, char** arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  OK(cuInit(0));
  int ran = 0;
  for (const Test& test : tests()) {
    if (count > 1 && std::strstr(test.name, arguments[1]) == nullptr) continue;
    int before = failures;
    test.run();
    ++ran;
    if (failures > before) std::printf("FAILED %s\n", test.name);
  }
  std::printf("%d tests of the interpreter, %d failed checks\n", ran, failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}
