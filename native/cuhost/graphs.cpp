#include <algorithm>
#include <thread>
#include "functions.h"
#include "graphs.h"
#include "workers.h"

namespace cuhost {
namespace {

std::mutex& captureMutex = *new std::mutex;  // guards captures and the capture fields of streams
std::vector<std::shared_ptr<Capture>>& active = *new std::vector<std::shared_ptr<Capture>>;

Handles<CUgraph, Graph, 7>& graphs() {
  static auto& table = *new Handles<CUgraph, Graph, 7>;
  return table;
}
Handles<CUgraphExec, Executable, 8>& executables() {
  static auto& table = *new Handles<CUgraphExec, Executable, 8>;
  return table;
}
Handles<CUgraphNode, NodeRef, 9>& nodeRefs() {
  static auto& table = *new Handles<CUgraphNode, NodeRef, 9>;
  return table;
}

void endCapture(const std::shared_ptr<Capture>& capture) {
  for (auto& s : capture->streams) {
    s->capturing = false;
    s->capture = nullptr;
    s->frontier.clear();
  }
  std::erase(active, capture);
}

void include(std::vector<size_t>& frontier, const std::vector<size_t>& more) {
  for (size_t n : more) {
    if (std::find(frontier.begin(), frontier.end(), n) == frontier.end()) frontier.push_back(n);
  }
}

// All that the capture holds must be a predecessor of the origin's frontier.
bool joined(const Capture& capture) {
  const auto& nodes = capture.graph->nodes;
  std::vector<bool> reached(nodes.size(), false);
  std::vector<size_t> left = capture.origin->frontier;
  while (!left.empty()) {
    size_t n = left.back();
    left.pop_back();
    if (reached[n]) continue;
    reached[n] = true;
    left.insert(left.end(), nodes[n].dependencies.begin(), nodes[n].dependencies.end());
  }
  return std::all_of(reached.begin(), reached.end(), [](bool r) { return r; });
}

std::shared_ptr<Graph> graphOf(CUgraphNode handle, size_t& index) {
  std::shared_ptr<NodeRef> ref = nodeRefs().find(handle);
  std::shared_ptr<Graph> graph = ref == nullptr ? nullptr : ref->graph.lock();
  if (graph != nullptr) index = ref->index;
  return graph;
}

CUgraphNodeType typeOf(const Node& node) {
  static constexpr CUgraphNodeType TYPES[] = {CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY,
                                              CU_GRAPH_NODE_TYPE_MEMSET, CU_GRAPH_NODE_TYPE_HOST,
                                              CU_GRAPH_NODE_TYPE_EMPTY};
  return TYPES[node.what.index()];
}

std::mutex& handleMutex = *new std::mutex;
void giveHandles(const std::shared_ptr<Graph>& graph) {
  std::lock_guard lock(handleMutex);
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    if (graph->nodes[i].handle == nullptr) {
      graph->nodes[i].handle = nodeRefs().add(std::make_shared<NodeRef>(NodeRef{graph, i}));
    }
  }
}

// The program, free to be changed: launches under way keep the one they started with.
Program& own(Executable& executable) {
  if (executable.program.use_count() > 1) executable.program = std::make_shared<Program>(*executable.program);
  return *executable.program;
}

}  // namespace

Graph::~Graph() {
  for (GraphNode& n : nodes) {
    if (n.handle != nullptr) nodeRefs().remove(n.handle);
  }
}

void clearGraphs() {
  std::lock_guard lock(captureMutex);
  while (!active.empty()) endCapture(std::shared_ptr<Capture>(active.back()));
  executables().clear();
  graphs().clear();
}

CUresult captureNode(Stream& stream, Node node) {
  std::lock_guard lock(captureMutex);
  if (stream.capture == nullptr || stream.capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  auto& nodes = stream.capture->graph->nodes;
  nodes.push_back({std::make_shared<const Node>(std::move(node)), stream.frontier, nullptr});
  stream.frontier = {nodes.size() - 1};
  return CUDA_SUCCESS;
}

CUresult capturePoint(Stream& stream, CapturedPoint& point) {
  std::lock_guard lock(captureMutex);
  if (stream.capture == nullptr || stream.capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  point = {stream.capture, stream.frontier};
  return CUDA_SUCCESS;
}

CUresult captureWait(const std::shared_ptr<Stream>& stream, const CapturedPoint& point) {
  std::lock_guard lock(captureMutex);
  std::shared_ptr<Capture> capture = point.capture.lock();
  if (capture == nullptr || capture->origin->capture != capture) return CUDA_ERROR_CAPTURED_EVENT;
  if (capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream->capture == nullptr) {
    if (!stream->blocking || stream != findStream(nullptr)) {
      stream->capture = capture;
      stream->capturing = true;
      capture->streams.push_back(stream);
    } else {
      return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    }
  } else if (stream->capture != capture) {
    stream->capture->invalid = capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_MERGE;
  }
  include(stream->frontier, point.frontier);
  return CUDA_SUCCESS;
}

CUresult invalidateCapture(Stream& stream, CUresult code) {
  std::lock_guard lock(captureMutex);
  if (stream.capture != nullptr) stream.capture->invalid = true;
  return code;
}

void abandonCapture(Stream& stream) {
  std::lock_guard lock(captureMutex);
  if (std::shared_ptr<Capture> capture = stream.capture) {
    capture->invalid = true;
    if (capture->origin == &stream) endCapture(capture);
  }
}

bool captureBlocksLegacy() {
  std::lock_guard lock(captureMutex);
  bool blocks = false;
  for (auto& capture : active) {
    for (auto& s : capture->streams) {
      if (s->blocking) blocks = capture->invalid = true;
    }
  }
  return blocks;
}

CUresult forbiddenInCapture() {
  std::lock_guard lock(captureMutex);
  CUresult status = CUDA_SUCCESS;
  for (auto& capture : active) {
    bool mine = capture->thread == std::this_thread::get_id();
    if (capture->mode == CU_STREAM_CAPTURE_MODE_RELAXED) continue;
    if (capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && !mine) continue;
    capture->invalid = true;
    status = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return status;
}

}  // namespace cuhost

using namespace cuhost;

extern "C" {

CUresult cuStreamBeginCapture_v2(CUstream hStream, CUstreamCaptureMode mode) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(mode >= CU_STREAM_CAPTURE_MODE_GLOBAL && mode <= CU_STREAM_CAPTURE_MODE_RELAXED);
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream == findStream(nullptr)) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  std::lock_guard lock(captureMutex);
  if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  auto capture = std::make_shared<Capture>();
  capture->origin = stream.get();
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->streams = {stream};
  stream->capture = capture;
  stream->capturing = true;
  active.push_back(capture);
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream hStream, CUgraph* phGraph) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(phGraph != nullptr);
  *phGraph = nullptr;
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(captureMutex);
  std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  if (capture->origin != stream.get()) {
    capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  }
  if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != std::this_thread::get_id()) {
    return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
  }
  CUresult status = capture->invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                    : joined(*capture) ? CUDA_SUCCESS
                                       : CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
  endCapture(capture);
  if (status == CUDA_SUCCESS) *phGraph = graphs().add(capture->graph);
  return status;
}

CUresult cuStreamIsCapturing(CUstream hStream, CUstreamCaptureStatus* captureStatus) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(captureStatus != nullptr);
  std::shared_ptr<Stream> stream = findStream(hStream);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::lock_guard lock(captureMutex);
  *captureStatus = stream->capture == nullptr     ? CU_STREAM_CAPTURE_STATUS_NONE
                   : stream->capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                              : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph hGraph) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(graphs().remove(hGraph) != nullptr);
  return CUDA_SUCCESS;
}

CUresult cuGraphGetNodes(CUgraph hGraph, CUgraphNode* nodes, size_t* numNodes) {
  CUHOST_TRY(ready());
  std::shared_ptr<Graph> graph = graphs().find(hGraph);
  CUHOST_REQUIRE(graph != nullptr && numNodes != nullptr);
  size_t count = graph->nodes.size();
  if (nodes != nullptr) {
    giveHandles(graph);
    for (size_t i = 0; i < *numNodes; ++i) nodes[i] = i < count ? graph->nodes[i].handle : nullptr;
    *numNodes = std::min(*numNodes, count);
  } else {
    *numNodes = count;
  }
  return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetType(CUgraphNode hNode, CUgraphNodeType* type) {
  CUHOST_TRY(ready());
  size_t index = 0;
  std::shared_ptr<Graph> graph = graphOf(hNode, index);
  CUHOST_REQUIRE(graph != nullptr && type != nullptr);
  *type = typeOf(*graph->nodes[index].node);
  return CUDA_SUCCESS;
}

// kernelParams leads to the node's own copies; good as long as the graph.
CUresult cuGraphKernelNodeGetParams_v2(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS* nodeParams) {
  CUHOST_TRY(ready());
  size_t index = 0;
  std::shared_ptr<Graph> graph = graphOf(hNode, index);
  CUHOST_REQUIRE(graph != nullptr && nodeParams != nullptr);
  const Kernel* k = std::get_if<Kernel>(&graph->nodes[index].node->what);
  CUHOST_REQUIRE(k != nullptr);
  CUfunction function = nullptr;
  for (CUfunction f : k->function->module->functions) {
    if (functions().find(f) == k->function) function = f;
  }
  *nodeParams = {function,   k->grid[0],  k->grid[1],     k->grid[2],
                 k->block[0], k->block[1], k->block[2],    k->sharedBytes,
                 const_cast<void**>(k->params.data()), nullptr, nullptr, primaryContext()};
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* phGraphExec, CUgraph hGraph, unsigned long long flags) {
  CUHOST_TRY(ready());
  std::shared_ptr<Graph> graph = graphs().find(hGraph);
  CUHOST_REQUIRE(phGraphExec != nullptr && graph != nullptr && flags == 0);
  giveHandles(graph);
  auto executable = std::make_shared<Executable>();
  executable->program = std::make_shared<Program>();
  executable->shape = graph->nodes;
  for (GraphNode& n : graph->nodes) {
    executable->program->nodes.push_back(n.node);
    executable->handles.push_back(n.handle);
  }
  *phGraphExec = executables().add(std::move(executable));
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec hGraphExec) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(executables().remove(hGraphExec) != nullptr);
  return CUDA_SUCCESS;
}

CUresult cuGraphUpload(CUgraphExec hGraphExec, CUstream hStream) {
  CUHOST_TRY(ready());
  CUHOST_REQUIRE(executables().find(hGraphExec) != nullptr);
  return findStream(hStream) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream) {
  CUHOST_TRY(ready());
  std::shared_ptr<Executable> executable = executables().find(hGraphExec);
  std::shared_ptr<Stream> stream = findStream(hStream);
  CUHOST_REQUIRE(executable != nullptr);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capturing) return invalidateCapture(*stream, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  std::lock_guard lock(executable->mutex);
  auto item = std::make_unique<Item>();
  if (executable->last != nullptr && executable->last->done.load(std::memory_order_acquire) == 0) {
    item->wait = executable->last;
  }
  const auto& nodes = executable->program->nodes;
  for (size_t i = 0; i < nodes.size() && item->fault.code == CUDA_SUCCESS; ++i) {
    if (auto* k = std::get_if<Kernel>(&nodes[i]->what)) item->fault = nextLaunch(k->function->entry->name.c_str());
    item->faultAt = i;
  }
  if (item->fault.code != CUDA_SUCCESS && !item->fault.sticky) return item->fault.code;
  item->program = executable->program;
  executable->last = item->record = std::make_shared<Record>();
  enqueueOrdered(stream, std::move(item));
  return CUDA_SUCCESS;
}

// Takes effect with the next launch.
CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec hGraphExec, CUgraphNode hNode,
                                           const CUDA_KERNEL_NODE_PARAMS* p) {
  CUHOST_TRY(ready());
  std::shared_ptr<Executable> executable = executables().find(hGraphExec);
  CUHOST_REQUIRE(executable != nullptr && p != nullptr);
  std::lock_guard lock(executable->mutex);
  auto at = std::find(executable->handles.begin(), executable->handles.end(), hNode);
  CUHOST_REQUIRE(hNode != nullptr && at != executable->handles.end());
  size_t index = static_cast<size_t>(at - executable->handles.begin());
  CUHOST_REQUIRE(std::holds_alternative<Kernel>(executable->program->nodes[index]->what));
  Kernel kernel;
  CUHOST_TRY(makeKernel(p->func, {p->gridDimX, p->gridDimY, p->gridDimZ}, {p->blockDimX, p->blockDimY, p->blockDimZ},
                        p->sharedMemBytes, p->kernelParams, p->extra, kernel));
  own(*executable).nodes[index] = std::make_shared<const Node>(Node{std::move(kernel)});
  return CUDA_SUCCESS;
}

CUresult cuGraphExecUpdate_v2(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphExecUpdateResultInfo* resultInfo) {
  CUHOST_TRY(ready());
  std::shared_ptr<Executable> executable = executables().find(hGraphExec);
  std::shared_ptr<Graph> graph = graphs().find(hGraph);
  CUHOST_REQUIRE(executable != nullptr && graph != nullptr && resultInfo != nullptr);
  giveHandles(graph);
  auto refuse = [&](CUgraphExecUpdateResult why, CUgraphNode node) {
    *resultInfo = {why, node, nullptr};
    return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
  };
  std::lock_guard lock(executable->mutex);
  const auto& shape = executable->shape;
  if (shape.size() != graph->nodes.size()) return refuse(CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED, nullptr);
  for (size_t i = 0; i < shape.size(); ++i) {
    const GraphNode& n = graph->nodes[i];
    if (typeOf(*shape[i].node) != typeOf(*n.node)) return refuse(CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED, n.handle);
    if (shape[i].dependencies != n.dependencies) return refuse(CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED, n.handle);
  }
  Program& program = own(*executable);
  for (size_t i = 0; i < shape.size(); ++i) program.nodes[i] = graph->nodes[i].node;
  *resultInfo = {CU_GRAPH_EXEC_UPDATE_SUCCESS, nullptr, nullptr};
  return CUDA_SUCCESS;
}

}  // extern "C"
