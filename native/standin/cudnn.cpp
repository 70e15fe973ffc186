// cudnn.cpp: a libcudnn.so.9 for tests. It has the entry points that Catena binds and runs the graphs that Catena builds, in
// plain loops on devices whose memory is the host's. It refuses what cuDNN refuses: attributes that a descriptor has not,
// wrong types and counts, descriptors that are not finished, graphs without an engine, addresses that are not aligned as the
// tensors say, a workspace that is missing, a handle or a first execution during a capture.
#include <cstdio>
#include "graph.h"

using namespace standin;

namespace {

enum Status { SUCCESS = 0, BAD_PARAM = 2000, NOT_SUPPORTED = 3000, INTERNAL = 4000, EXECUTION = 5000 };
enum Descriptor_ { POINTWISE = 0, CONVOLUTION, ENGINE, CONFIGURATION, HEURISTICS, PLAN, GRAPH = 15, PACK, TENSOR,
                   DEVICE = 38 };
enum AttributeType { HANDLE = 0, DATA_TYPE, BOOLEAN, INT64, FLOAT, POINTER = 6, CONV_MODE, HEUR_MODE, NOTE = 11,
                     POINTWISE_MODE = 14, DESCRIPTOR, INT32 = 23, CHAR };
constexpr int64_t ANY = -1;
constexpr const char* VERSION = "catena-standin-1";

struct Rule {
  int descriptor, attribute, type;
  int64_t count;
  bool required;
};
// What may be set. A convolution's numbers are ALPHA, BETA, CONV_DESC and three tensors from a first one on.
constexpr Rule RULES[] = {
    {TENSOR, 900, INT64, 1, true},         {TENSOR, 901, DATA_TYPE, 1, true},      {TENSOR, 902, INT64, 4, true},
    {TENSOR, 903, INT64, 4, true},         {TENSOR, 906, INT64, 1, true},          {TENSOR, 907, BOOLEAN, 1, false},
    {CONVOLUTION, 100, DATA_TYPE, 1, true}, {CONVOLUTION, 101, CONV_MODE, 1, true}, {CONVOLUTION, 102, INT64, 2, true},
    {CONVOLUTION, 103, INT64, 2, true},    {CONVOLUTION, 104, INT64, 2, true},     {CONVOLUTION, 105, INT64, 2, true},
    {CONVOLUTION, 106, INT64, 1, true},    {POINTWISE, 0, POINTWISE_MODE, 1, true}, {POINTWISE, 1, DATA_TYPE, 1, true},
    {10, 700, FLOAT, 1, true},             {10, 701, FLOAT, 1, true},              {10, 702, DESCRIPTOR, 1, true},
    {10, 703, DESCRIPTOR, 1, true},        {10, 704, DESCRIPTOR, 1, true},         {10, 705, DESCRIPTOR, 1, true},
    {12, 706, FLOAT, 1, true},             {12, 707, FLOAT, 1, true},              {12, 708, DESCRIPTOR, 1, true},
    {12, 709, DESCRIPTOR, 1, true},        {12, 710, DESCRIPTOR, 1, true},         {12, 711, DESCRIPTOR, 1, true},
    {11, 712, FLOAT, 1, true},             {11, 713, FLOAT, 1, true},              {11, 714, DESCRIPTOR, 1, true},
    {11, 715, DESCRIPTOR, 1, true},        {11, 716, DESCRIPTOR, 1, true},         {11, 717, DESCRIPTOR, 1, true},
    {13, 750, DESCRIPTOR, 1, true},        {13, 751, DESCRIPTOR, 1, true},         {13, 752, DESCRIPTOR, 1, false},
    {13, 753, DESCRIPTOR, 1, true},        {GRAPH, 801, DESCRIPTOR, ANY, true},    {HEURISTICS, 200, HEUR_MODE, 1, true},
    {HEURISTICS, 201, DESCRIPTOR, 1, true}, {HEURISTICS, 204, DESCRIPTOR, 1, true}, {PLAN, 400, HANDLE, 1, false},
    {PLAN, 401, DESCRIPTOR, 1, false},     {PLAN, 405, CHAR, ANY, false},          {PLAN, 407, DESCRIPTOR, 1, false},
    {PACK, 1000, INT64, ANY, true},        {PACK, 1001, POINTER, ANY, true},       {PACK, 1003, POINTER, 1, true},
    {DEVICE, 2700, INT32, 1, false},       {DEVICE, 2702, CHAR, ANY, false},
};

int bytesOfAttribute(int type) {
  switch (type) {
    case BOOLEAN: case CHAR: return 1;
    case HANDLE: case INT64: case POINTER: case DESCRIPTOR: return 8;
    default: return 4;
  }
}

// An engine for a graph, with what cuDNN would note of it.
struct Engine {
  int64_t index, workspace;
  std::vector<int> notes;
  bool tf32;
};
// Tensor cores and down-converted inputs; Winograd; exact but hungry; exact.
const Engine ENGINES[] = {{3, 0, {0, 1}, true}, {5, 0, {5}, true}, {7, 64 << 20, {}, false}, {9, 4096, {}, false}};

const Engine* engineOf(int64_t index) {
  for (const Engine& engine : ENGINES) {
    if (engine.index == index) return &engine;
  }
  return nullptr;
}

struct Descriptor {
  int type;
  bool finished = false, ran = false;
  std::map<int, std::vector<char>> values{};
  Graph graph{};
  const Engine* engine = nullptr;

  template <class T>
  std::vector<T> all(int attribute) const {
    auto found = values.find(attribute);
    if (found == values.end()) return {};
    std::vector<T> out(found->second.size() / sizeof(T));
    std::memcpy(out.data(), found->second.data(), found->second.size());
    return out;
  }
  template <class T>
  T one(int attribute) const {
    std::vector<T> values = all<T>(attribute);
    return values.empty() ? T{} : values[0];
  }
  Descriptor* part(int attribute) const { return one<Descriptor*>(attribute); }
};

struct Handle {
  std::unique_ptr<Driver> driver;
  CUstream stream;
};

thread_local std::string lastError;
std::mutex& aliveMutex = *new std::mutex;
std::map<void*, int>& alive = *new std::map<void*, int>;  // what was created and not destroyed

Status fail(Status status, const std::string& why) {
  lastError = why;
  return status;
}

bool isAlive(void* object) {
  std::lock_guard lock(aliveMutex);
  return alive.count(object) != 0;
}

Descriptor* finishedOf(Descriptor* descriptor, int type) {
  return isAlive(descriptor) && descriptor->type == type && descriptor->finished ? descriptor : nullptr;
}

std::optional<Tensor> tensorOf(const Descriptor& d) {
  Tensor t;
  t.id = d.one<int64_t>(906), t.alignment = d.one<int64_t>(900), t.isVirtual = d.one<char>(907) != 0;
  switch (d.one<int>(901)) {
    case 0: t.type = Type::FLOAT; break;
    case 2: t.type = Type::HALF; break;
    case 9: t.type = Type::BFLOAT16; break;
    default: return {};
  }
  std::vector<int64_t> extent = d.all<int64_t>(902), stride = d.all<int64_t>(903);
  for (int i = 0; i < 4; i++) {
    if (extent[i] < 1 || stride[i] < 1) return {};
    t.extent[i] = extent[i], t.stride[i] = stride[i];
  }
  if (t.alignment < 1 || (t.alignment & (t.alignment - 1)) != 0) return {};
  return t;
}

// Joins the operations by their tensors.
std::string build(Descriptor& graph) {
  std::map<int64_t, std::pair<int, Descriptor*>> known;
  std::string wrong;
  auto index = [&](Descriptor* tensor) {
    if (!finishedOf(tensor, TENSOR)) {
      wrong = "an operation without a finished tensor";
      return 0;
    }
    auto [at, added] = known.try_emplace(tensor->one<int64_t>(906), int(known.size()), tensor);
    if (added) graph.graph.tensors.push_back(*tensorOf(*tensor));
    if (at->second.second != tensor) wrong = "two tensors have one id";
    return at->second.first;
  };
  for (Descriptor* d : graph.all<Descriptor*>(801)) {
    if (!isAlive(d) || !d->finished || d->type < 10 || d->type > 13) return "an operation that is none or not finished";
    Operation op;
    op.kind = Kind(d->type);
    if (op.kind == Kind::POINTWISE) {
      Descriptor* mode = finishedOf(d->part(750), POINTWISE);
      if (!mode || mode->one<int>(1) != 0) return "a pointwise operation without a mode, or not in fp32";
      op.mode = mode->one<int>(0);
      op.x = index(d->part(751)), op.y = index(d->part(753));
      if (d->values.count(752)) op.w = index(d->part(752));
    } else {
      int first = op.kind == Kind::FORWARD ? 700 : op.kind == Kind::DATA ? 706 : 712;
      op.alpha = d->one<float>(first), op.beta = d->one<float>(first + 1);
      Descriptor* window = finishedOf(d->part(first + 2), CONVOLUTION);
      if (!window || window->one<int>(100) != 0 || window->one<int>(101) != 1 || window->one<int64_t>(106) != 2) {
        return "a convolution that is no cross-correlation of two dimensions in fp32";
      }
      for (int i = 0; i < 2; i++) {
        op.dilation[i] = window->all<int64_t>(102)[i], op.step[i] = window->all<int64_t>(103)[i];
        op.post[i] = window->all<int64_t>(104)[i], op.pre[i] = window->all<int64_t>(105)[i];
      }
      // W, X, Y forward; W, DX, DY by data; DW, X, DY by filters.
      op.w = index(d->part(first + 3)), op.x = index(d->part(first + 4)), op.y = index(d->part(first + 5));
    }
    graph.graph.operations.push_back(op);
  }
  return wrong;
}

// "VERSION engine graph": what a plan is stored as.
Status restore(Descriptor& plan) {
  std::vector<char> json = plan.all<char>(405);
  std::istringstream in(std::string(json.begin(), json.end()));
  std::string version;
  int64_t engine = 0;
  in >> version >> engine;
  std::optional<Graph> graph = Graph::parse(in);
  plan.engine = engineOf(engine);
  if (version != VERSION || !plan.engine || !graph) return fail(BAD_PARAM, "the plan is of another library");
  plan.graph = *graph;
  return SUCCESS;
}

Status finalize(Descriptor& d) {
  for (const Rule& rule : RULES) {
    if (rule.descriptor == d.type && rule.required && !d.values.count(rule.attribute)) {
      return fail(BAD_PARAM, "attribute " + std::to_string(rule.attribute) + " is missing");
    }
  }
  switch (d.type) {
    case TENSOR: return tensorOf(d) ? SUCCESS : fail(BAD_PARAM, "a tensor's type, extents, strides or alignment");
    case GRAPH: {
      std::string wrong = build(d);
      if (!wrong.empty()) return fail(BAD_PARAM, wrong);
      wrong = d.graph.refusal();
      return wrong.empty() ? SUCCESS : fail(NOT_SUPPORTED, wrong);
    }
    case DEVICE: {
      std::unique_ptr<Driver> driver = Driver::current();
      int count = 0;
      if (!driver || driver->deviceCount(&count) != CUDA_SUCCESS) return fail(BAD_PARAM, "no device's context is current");
      if (!d.values.count(2700) || d.one<int>(2700) < 0 || d.one<int>(2700) >= count) {
        return fail(BAD_PARAM, "there is no such device");
      }
      return SUCCESS;
    }
    case HEURISTICS:
      if (!finishedOf(d.part(201), GRAPH) || !finishedOf(d.part(204), DEVICE)) {
        return fail(BAD_PARAM, "heuristics of what is not finished");
      }
      d.graph = d.part(201)->graph;
      return SUCCESS;
    case PLAN:
      if (d.values.count(405)) {
        if (!isAlive(d.one<Handle*>(400))) return fail(BAD_PARAM, "a stored plan needs a handle");
        return restore(d);
      }
      if (!finishedOf(d.part(401), CONFIGURATION)) return fail(BAD_PARAM, "a plan without an engine's configuration");
      if (!finishedOf(d.part(407), DEVICE) && !isAlive(d.one<Handle*>(400))) return fail(BAD_PARAM, "a plan for no device");
      d.engine = d.part(401)->engine, d.graph = d.part(401)->graph;
      return SUCCESS;
    case PACK: return d.all<int64_t>(1000).size() == d.all<void*>(1001).size() ? SUCCESS
                          : fail(BAD_PARAM, "as many addresses as ids are needed");
    default: return SUCCESS;
  }
}

template <class T>
Status give(std::vector<T> found, int64_t room, int64_t* count, void* out) {
  *count = int64_t(found.size());
  if (room > 0) std::memcpy(out, found.data(), sizeof(T) * std::min<size_t>(room, found.size()));
  return SUCCESS;
}

Status execute(Handle& handle, Descriptor& plan, Descriptor& pack) {
  if (!handle.stream) return fail(BAD_PARAM, "the handle has no stream: the default one is not for a capture");
  std::map<int64_t, void*> memory;
  std::vector<int64_t> ids = pack.all<int64_t>(1000);
  std::vector<void*> addresses = pack.all<void*>(1001);
  for (size_t i = 0; i < ids.size(); i++) memory[ids[i]] = addresses[i];
  for (const Tensor& t : plan.graph.tensors) {
    if (t.isVirtual) continue;
    if (!memory.count(t.id) || !memory[t.id]) return fail(BAD_PARAM, "tensor " + std::to_string(t.id) + " has no memory");
    if (reinterpret_cast<uintptr_t>(memory[t.id]) % t.alignment != 0) {
      return fail(BAD_PARAM, "tensor " + std::to_string(t.id) + " is not aligned as it says");
    }
  }
  auto* scratch = pack.one<void*>(1003);
  int64_t bytes = plan.engine->workspace;
  if (bytes > 0 && !scratch) return fail(BAD_PARAM, "the workspace is missing");
  if (handle.driver->captures(handle.stream) && !plan.ran) {
    return fail(EXECUTION, "kernels cannot be loaded during a capture: run the plan once before");
  }
  plan.ran = true;
  auto job = [graph = plan.graph, memory, scratch, bytes, tf32 = plan.engine->tf32] {
    if (bytes > 0) std::memset(scratch, 0xa5, bytes);  // whoever lies there is overwritten
    graph.run(memory, tf32);
  };
  const Tensor& result = plan.graph.tensors[plan.graph.operations.back().target()];
  int64_t pixels = result.extent[0] * result.extent[2] * result.extent[3], bytes_of = bytesOf(result.type);
  bool enqueued = handle.driver->enqueue(handle.stream, job) &&
                  handle.driver->wrote(handle.stream, memory[result.id], pixels, result.extent[1] * bytes_of,
                                       result.stride[3] * bytes_of);
  return enqueued ? SUCCESS : fail(EXECUTION, "the driver refused the launch");
}

}  // namespace

STANDIN_API size_t cudnnGetVersion() { return 92400; }
STANDIN_API size_t cudnnGetCudartVersion() { return 13000; }

STANDIN_API const char* cudnnGetErrorString(int status) {
  switch (status / 1000) {
    case 0: return "CUDNN_STATUS_SUCCESS";
    case 2: return "CUDNN_STATUS_BAD_PARAM";
    case 3: return "CUDNN_STATUS_NOT_SUPPORTED";
    case 4: return "CUDNN_STATUS_INTERNAL_ERROR";
    default: return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}

STANDIN_API void cudnnGetLastErrorString(char* out, size_t room) { std::snprintf(out, room, "%s", lastError.c_str()); }

STANDIN_API int cudnnCreate(Handle** out) {
  auto driver = Driver::current();
  if (!driver) return fail(INTERNAL, "no device's context is current");
  if (!driver->takesMemory()) return fail(INTERNAL, "the handle's memory: is this thread capturing?");
  *out = new Handle{std::move(driver), nullptr};
  std::lock_guard lock(aliveMutex);
  alive[*out] = 1;
  return SUCCESS;
}

STANDIN_API int cudnnDestroy(Handle* handle) {
  std::lock_guard lock(aliveMutex);
  if (alive.erase(handle) == 0) return fail(BAD_PARAM, "no such handle");
  delete handle;
  return SUCCESS;
}

STANDIN_API int cudnnSetStream(Handle* handle, CUstream stream) {
  if (!isAlive(handle)) return fail(BAD_PARAM, "no such handle");
  handle->stream = stream;
  return SUCCESS;
}

STANDIN_API int cudnnBackendCreateDescriptor(int type, Descriptor** out) {
  bool known = type == ENGINE || type == CONFIGURATION;
  for (const Rule& rule : RULES) known |= rule.descriptor == type;
  if (!known) return fail(NOT_SUPPORTED, "no such descriptor");
  *out = new Descriptor{type};
  std::lock_guard lock(aliveMutex);
  alive[*out] = 1;
  return SUCCESS;
}

STANDIN_API int cudnnBackendDestroyDescriptor(Descriptor* d) {
  std::lock_guard lock(aliveMutex);
  if (alive.erase(d) == 0) return fail(BAD_PARAM, "no such descriptor");
  delete d;
  return SUCCESS;
}

STANDIN_API int cudnnBackendSetAttribute(Descriptor* d, int attribute, int type, int64_t count, const void* elements) {
  if (!isAlive(d) || d->finished || !elements) return fail(BAD_PARAM, "no descriptor, a finished one, or no elements");
  for (const Rule& rule : RULES) {
    if (rule.descriptor != d->type || rule.attribute != attribute) continue;
    if (rule.type != type || count < 1 || (rule.count != ANY && rule.count != count)) {
      return fail(BAD_PARAM, "wrong type or count of attribute " + std::to_string(attribute));
    }
    auto* bytes = static_cast<const char*>(elements);
    d->values[attribute].assign(bytes, bytes + count * bytesOfAttribute(type));
    return SUCCESS;
  }
  return fail(BAD_PARAM, "descriptor " + std::to_string(d->type) + " has no attribute " + std::to_string(attribute));
}

STANDIN_API int cudnnBackendFinalize(Descriptor* d) {
  if (!isAlive(d) || d->finished) return fail(BAD_PARAM, "no descriptor, or a finished one");
  Status status = finalize(*d);
  d->finished = status == SUCCESS;
  return status;
}

STANDIN_API int cudnnBackendGetAttribute(
    Descriptor* d, int attribute, int type, int64_t room, int64_t* count, void* elements) {
  bool given = isAlive(d) && (d->finished || d->type == ENGINE || d->type == CONFIGURATION);
  if (!given) return fail(BAD_PARAM, "what is not finished cannot be asked");
  if (d->type == HEURISTICS && attribute == 202 && type == DESCRIPTOR) {
    *count = std::size(ENGINES);
    auto** into = static_cast<Descriptor**>(elements);
    for (int64_t i = 0; i < std::min(room, *count); i++) {
      if (!isAlive(into[i]) || into[i]->type != CONFIGURATION) return fail(BAD_PARAM, "no configurations to fill");
      into[i]->engine = &ENGINES[i], into[i]->graph = d->graph, into[i]->finished = true;
    }
    return SUCCESS;
  }
  if (d->type == CONFIGURATION && attribute == 300 && type == DESCRIPTOR && d->engine && room >= 1) {
    Descriptor* into = *static_cast<Descriptor**>(elements);
    if (!isAlive(into) || into->type != ENGINE) return fail(BAD_PARAM, "no engine to fill");
    into->engine = d->engine, into->finished = true;
    *count = 1;
    return SUCCESS;
  }
  if (d->type == ENGINE && d->engine) {
    if (attribute == 1301 && type == INT64) return give(std::vector{d->engine->index}, room, count, elements);
    if (attribute == 1303 && type == NOTE) return give(d->engine->notes, room, count, elements);
  }
  if (d->type == PLAN) {
    if (attribute == 402 && type == INT64) return give(std::vector{d->engine->workspace}, room, count, elements);
    if (attribute == 405 && type == CHAR) {
      std::string text = std::string(VERSION) + ' ' + std::to_string(d->engine->index) + ' ' + d->graph.text();
      return give(std::vector<char>(text.begin(), text.end()), room, count, elements);
    }
  }
  return fail(BAD_PARAM, "attribute " + std::to_string(attribute) + " cannot be asked so");
}

STANDIN_API int cudnnBackendExecute(Handle* handle, Descriptor* plan, Descriptor* pack) {
  if (!isAlive(handle) || !finishedOf(plan, PLAN) || !finishedOf(pack, PACK)) {
    return fail(BAD_PARAM, "an execution of what is not finished");
  }
  return execute(*handle, *plan, *pack);
}

STANDIN_API int cudnnBackendPopulateCudaGraph(Handle*, Descriptor*, Descriptor*, CUgraph) { return NOT_SUPPORTED; }
STANDIN_API int cudnnBackendUpdateCudaGraph(Handle*, Descriptor*, Descriptor*, CUgraph) { return NOT_SUPPORTED; }
